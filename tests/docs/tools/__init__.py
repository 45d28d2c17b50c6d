"""What other tools compute, beside the expressions of ImgQL that give the same: tables and runs."""
