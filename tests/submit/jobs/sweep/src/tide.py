import sys

print("one trial", sys.argv[1:])
