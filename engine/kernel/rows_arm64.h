// Four blocks of weights, one of each row, at R2 to R5.

// A word of each row in A, B, C and D: of the 16 bytes at OFF, the first in A. Uses V0 to V7.
#define WORDS(OFF, A, B, C, D) \
	LDUQ(OFF, 2, 0) \
	LDUQ(OFF, 3, 1) \
	LDUQ(OFF, 4, 2) \
	LDUQ(OFF, 5, 3) \
	TRN1S(1, 0, 4)  \
	TRN2S(1, 0, 5)  \
	TRN1S(3, 2, 6)  \
	TRN2S(3, 2, 7)  \
	TRN1D(6, 4, A)  \
	TRN1D(7, 5, B)  \
	TRN2D(6, 4, C)  \
	TRN2D(7, 5, D)

// The half floats at the blocks, as float32 in D.
#define HALVES(D) \
	ZERO(D)          \
	LDLANEH(0, 2, D) \
	LDLANEH(1, 3, D) \
	LDLANEH(2, 4, D) \
	LDLANEH(3, 5, D) \
	FCVTLH(D, D)

// The scales and minima of a super-block of Q4_K or Q5_K, from its first 16 bytes: d in V20, dmin in V21, and for each row
// a word of scales 0 to 3 in V22, 4 to 7 in V27, of minima 0 to 3 in V23, and 4 to 7 in V25. V30 is 63 in every byte, V31 15.
#define SUPERSCALES \
	WORDS(0, 16, 17, 18, 19) \
	LOWH(16, 20)             \
	HIGHH(16, 21)            \
	FCVTLH(20, 20)           \
	FCVTLH(21, 21)           \
	ANDB(30, 17, 22)         \
	ANDB(30, 18, 23)         \
	SHRB(6, 17, 17)          \
	SHLB(4, 17, 17)          \
	ANDB(31, 19, 27)         \
	ORB(17, 27, 27)          \
	SHRB(6, 18, 18)          \
	SHLB(4, 18, 18)          \
	SHRB(4, 19, 25)          \
	ORB(18, 25, 25)

// A weight of six bits in W: the low four are those of LOW, or the high four of HIGH; the others are two bits of H that SHIFT
// by K brings to places 4 and 5. FIFTEEN is 15 in every byte, and BITS 48.
#define SIXLOW(SHIFT, K, H, LOW, FIFTEEN, BITS, W) \
	SHIFT(K, H, W)     \
	ANDB(BITS, W, W)   \
	BIT(FIFTEEN, LOW, W)

#define SIXHIGH(SHIFT, K, H, HIGH, BITS, W) \
	SHIFT(K, H, W)     \
	ANDB(BITS, W, W)   \
	SRIB(4, HIGH, W)
