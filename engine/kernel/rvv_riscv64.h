// 16 lanes are a register of bytes, two of 16-bit integers, and four of 32-bit integers or floats where vectors have 128
// bits. Registers are counted for that; longer vectors leave a part of them unused, and results are the same. Elements
// behind the last lane are lost, those that a mask leaves out are kept.
#define BYTES \
	VSETIVLI $16, E8, M1, TA, MU, X0
#define SHORTS \
	VSETIVLI $16, E16, M2, TA, MU, X0
#define WORDS \
	VSETIVLI $16, E32, M4, TA, MU, X0
