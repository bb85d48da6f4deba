format = 1
key = "200d6a7dd74dd842"
signature = "aqQW61tk2TLsnWp+ofaBAAkSDCXjA93HNpC3+ivYFlSadL4HA0HFHkqwR6b9zafQRsn/Wq8Hv1PdB7Q6NDMQCA=="
