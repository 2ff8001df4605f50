"""What people see in a browser: the models at /, and how a network learns at /learn.

Pages are made here on the server, from the same functions that answer the API, and work without JavaScript; small ES
modules make them pleasanter. They load nothing from another host, and no script or style stands within them, so that a
strict Content-Security-Policy holds. What changes something comes from a form with a token, see
`service.access.sessions`.
"""
