import sys

print("fitting", sys.argv[1:])
