format = 1
key = "200d6a7dd74dd842"
signature = "k7uXC2Fl7ZjhD/shryGs35eHAGq4UEFodZpXcPCADageY2dwOlzxG7kg3NLE+wQD0WOhkEEamswWx/5X9N/IAw=="
