"""Web pages: the models at /, the playground at /learn, the guide at /guide.

Pages are rendered on the server, by the functions behind the API, and work without JavaScript; small ES modules enhance
them. They load nothing from other hosts and hold no inline script or style, so that a strict Content-Security-Policy
holds. Changes need a form with a token, see `service.access.sessions`.
"""
