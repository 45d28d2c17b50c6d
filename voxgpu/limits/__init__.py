"""How much memory and how many cores may this process take, and who says so?"""
