"""Error rates of digital links, each as a scenario file and as the same Python program."""
