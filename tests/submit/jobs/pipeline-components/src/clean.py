print("cleaning")
