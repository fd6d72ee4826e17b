// Package weak lets tests of the jail switch one of its layers off, to see what the others hold. Only the jail's own tree
// can import it: no product code reaches it, which the compiler sees to.
package weak

// Off names the layer that is left out, as run records name layers. Empty in every product.
var Off string
