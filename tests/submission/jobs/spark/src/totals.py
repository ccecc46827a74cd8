print("summing")
