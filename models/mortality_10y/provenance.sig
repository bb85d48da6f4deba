format = 1
key = "200d6a7dd74dd842"
signature = "EWOgn8qNq2NrhcaE3QopIyoMsSR4jQ7UwD6mFBjZuW0CUh6SiZYuPWxnIL7WkDNpNHl0/WRfTqfRQpncf7kcBA=="
