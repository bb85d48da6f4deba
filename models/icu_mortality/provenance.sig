format = 1
key = "200d6a7dd74dd842"
signature = "5ljKv6ZZCd5u60M9AZu6v//KTRCa9FWA3ForzIWHkr66xXikUZjWtlKcdtPL5iCRi3TdplNRR35nr03fBSV1Dg=="
