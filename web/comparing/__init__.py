"""What the compare pages show: sums, lists of changed images, one image on two sides."""
