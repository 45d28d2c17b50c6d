"""Where do files go that can be made again: results that are kept, compiled kernels?"""
