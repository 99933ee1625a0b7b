"""One experiment a file: it runs a mechanism, and says with a table and a picture what came out."""
