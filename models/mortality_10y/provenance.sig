format = 1
key = "200d6a7dd74dd842"
signature = "sVDCMncX90MYqkf3S9sYVc9KnuJmxDhEIT+YrZqKfF7fUI/n7mNaCVY2GFgGIkR8XBtHlgew/wa3mmNb2q1bAw=="
