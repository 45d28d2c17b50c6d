"""How does a GPU compute?"""
