print("predicting")
