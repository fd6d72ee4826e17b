// Package api is Hallmark's REST API under /api/v1, with health, readiness and metrics beside it. The routes and bodies
// are described by the OpenAPI file that it serves; a test holds both to each other.
//
// Handlers return their error; one table maps error kinds to problem documents (RFC 9457). Writes need an API key of
// scope write, reads one of scope read; health, readiness, metrics and the OpenAPI file need none.
package api
