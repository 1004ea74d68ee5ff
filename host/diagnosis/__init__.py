"""Why do two int8 models of one network compute different things?"""
