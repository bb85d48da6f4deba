"""The pictures on the pages: figures in, coordinates of inline SVG out; the templates draw them."""
