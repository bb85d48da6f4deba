"""What the page needs from outside its room. The factory hands it over."""
