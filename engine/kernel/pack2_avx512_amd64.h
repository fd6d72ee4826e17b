// What packing and products without packing of the types of pack2_avx512_amd64.s share. LOWTO and HIGHTO are the including file's.

// The values of four bits, plus 128: of IQ4_NL and IQ4_XS, and of MXFP4.
DATA values<>+0(SB)/8, $0x766a5d4f3f2d1801
DATA values<>+8(SB)/8, $0xf1d9c5b5a6998d81
DATA values<>+16(SB)/8, $0x8c88868483828180
DATA values<>+24(SB)/8, $0x74787a7c7d7e7f80
GLOBL values<>(SB), RODATA|NOPTR, $32

// For VPMULTISHIFTQB: 32 bits of each of two rows, of which those at 4j to 4j+3 go to bit 4 of four bytes.
DATA spread<>+0(SB)/8, $0x1f1e1d1c3f3e3d3c
DATA spread<>+8(SB)/8, $0x2322212003020100
DATA spread<>+16(SB)/8, $0x2726252407060504
DATA spread<>+24(SB)/8, $0x2b2a29280b0a0908
DATA spread<>+32(SB)/8, $0x2f2e2d2c0f0e0d0c
DATA spread<>+40(SB)/8, $0x3332313013121110
DATA spread<>+48(SB)/8, $0x3736353417161514
DATA spread<>+56(SB)/8, $0x3b3a39381b1a1918
GLOBL spread<>(SB), RODATA|NOPTR, $64

// The values of the low halves of bytes to LOW, of the high halves to HIGH. Z30 is the values, Z31 the mask of low halves.
#define LOOKUP(C, LOW, HIGH) \
	VPANDD    Z31, C, Z12        \
	VPSRLD    $4, C, Z13         \
	VPANDD    Z31, Z13, Z13      \
	VPSHUFB   Z12, Z30, Z12      \
	VPSHUFB   Z13, Z30, Z13      \
	LOWTO(Z12, LOW)              \
	HIGHTO(Z13, HIGH)

#define LOOKUPCELL(TO) \
	LOOKUP(Z0, TO, TO+256)        \
	LOOKUP(Z1, TO+64, TO+320)     \
	LOOKUP(Z2, TO+128, TO+384)    \
	LOOKUP(Z3, TO+192, TO+448)

// The scale of cell J: four low bits in Z1, two high bits in Z0 from bit 16 on. Z24 is the half float's value, Z28 lanes of
// 15, Z27 of 0x30, Z26 of 32.
#define XSSCALE(J, TO) \
	VPSRLD     $(4*J), Z1, Z4         \
	VPSRLD     $(12+2*J), Z0, Z5      \
	VPANDD     Z28, Z4, Z4            \
	VPTERNLOGD $0xf8, Z27, Z5, Z4     \
	VPSUBD     Z26, Z4, Z4            \
	VCVTDQ2PS  Z4, Z4                 \
	VMULPS     Z24, Z4, Z4            \
	VMOVUPS    Z4, (TO)(DI)

// Five bits of eight times four weights: C as in NIBBLES, the fifth bits in Z20. Z30 is bytes of 16.
#define FIFTH(C, J, TO) \
	VPBROADCASTQ   spread<>+(8*J)(SB), Z8      \
	VPBROADCASTQ   spread<>+(8*J+32)(SB), Z9   \
	VPMULTISHIFTQB Z20, Z8, Z8                 \
	VPMULTISHIFTQB Z20, Z9, Z9                 \
	VPANDD         Z31, C, Z12                 \
	VPSRLD         $4, C, Z13                  \
	VPANDD         Z31, Z13, Z13               \
	VPTERNLOGD     $0xf8, Z30, Z8, Z12         \
	VPTERNLOGD     $0xf8, Z30, Z9, Z13         \
	LOWTO(Z12, TO)                             \
	HIGHTO(Z13, TO+256)

// Weights of five bits: the low four in C, and the fifth in H, at bit 4 after a shift: A for the low halves, B for the high.
#define FIVEBITS(C, H, SHIFTA, A, SHIFTB, B, TO) \
	SHIFTA     $A, H, Z0               \
	SHIFTB     $B, H, Z1               \
	VPANDD     Z31, C, Z2              \
	VPSRLD     $4, C, Z3               \
	VPANDD     Z31, Z3, Z3             \
	VPTERNLOGD $0xf8, Z29, Z0, Z2      \
	VPTERNLOGD $0xf8, Z29, Z1, Z3      \
	LOWTO(Z2, TO)                      \
	HIGHTO(Z3, TO+640)

#define CELLS5(SHIFTA, A, SHIFTB, B, TO) \
	FIVEBITS(Z12, Z20, SHIFTA, A, SHIFTB, B, TO)            \
	FIVEBITS(Z13, Z21, SHIFTA, A, SHIFTB, B, TO+64)         \
	FIVEBITS(Z14, Z22, SHIFTA, A, SHIFTB, B, TO+128)        \
	FIVEBITS(Z15, Z23, SHIFTA, A, SHIFTB, B, TO+192)        \
	FIVEBITS(Z16, Z24, SHIFTA, A, SHIFTB, B, TO+256)        \
	FIVEBITS(Z17, Z25, SHIFTA, A, SHIFTB, B, TO+320)        \
	FIVEBITS(Z18, Z26, SHIFTA, A, SHIFTB, B, TO+384)        \
	FIVEBITS(Z19, Z27, SHIFTA, A, SHIFTB, B, TO+448)

// Two bits of C from SHIFT on. Z31 is bytes of 3.
#define CRUMB(C, SHIFT, TO, PUT) \
	VPSRLD    $SHIFT, C, Z0    \
	VPANDD    Z31, Z0, Z0      \
	PUT(Z0, TO)

#define CRUMBS(SHIFT, TO) \
	CRUMB(Z16, SHIFT, TO, LOWTO)        \
	CRUMB(Z17, SHIFT, TO+64, LOWTO)     \
	CRUMB(Z18, SHIFT, TO+128, LOWTO)    \
	CRUMB(Z19, SHIFT, TO+192, LOWTO)    \
	CRUMB(Z20, SHIFT, TO+256, HIGHTO)    \
	CRUMB(Z21, SHIFT, TO+320, HIGHTO)    \
	CRUMB(Z22, SHIFT, TO+384, HIGHTO)    \
	CRUMB(Z23, SHIFT, TO+448, HIGHTO)

// Four bytes of each lane of S: the low halves are scales, the high ones minima, of two cells. Z26 is lanes of 15, Z24 and
// Z25 are what they are multiplied with.
#define SCALEMIN(S, SHIFT, F, TO) \
	VPSRLD    $SHIFT, S, Z4       \
	VPANDD    Z26, Z4, Z4         \
	VCVTDQ2PS Z4, Z4              \
	VMULPS    F, Z4, Z4           \
	VMOVUPS   Z4, TO(DI)

#define SCALEMINS(S, TO) \
	SCALEMIN(S, 0, Z24, TO)          \
	SCALEMIN(S, 4, Z25, TO+128)      \
	SCALEMIN(S, 8, Z24, TO+64)       \
	SCALEMIN(S, 12, Z25, TO+192)     \
	SCALEMIN(S, 16, Z24, TO+768)     \
	SCALEMIN(S, 20, Z25, TO+896)     \
	SCALEMIN(S, 24, Z24, TO+832)     \
	SCALEMIN(S, 28, Z25, TO+960)

// Weights of three bits, the low two in C from SHIFT on and the third in H, at bit 2 after a shift by BY. Z31 is bytes of 3,
// Z30 of 4, Z29 of 28: a weight is 4 less, and 32 is added to it.
#define THREEBITS(C, H, SHIFT, TURN, BY, TO, PUT) \
	VPSRLD     $SHIFT, C, Z0         \
	TURN       $BY, H, Z1            \
	VPANDD     Z31, Z0, Z0           \
	VPTERNLOGD $0xf8, Z30, Z1, Z0    \
	VPADDB     Z29, Z0, Z0           \
	PUT(Z0, TO)

#define CELL3BITS(SHIFT, TURN, BY, TO) \
	THREEBITS(Z12, Z20, SHIFT, TURN, BY, TO, LOWTO)        \
	THREEBITS(Z13, Z21, SHIFT, TURN, BY, TO+64, LOWTO)     \
	THREEBITS(Z14, Z22, SHIFT, TURN, BY, TO+128, LOWTO)    \
	THREEBITS(Z15, Z23, SHIFT, TURN, BY, TO+192, LOWTO)    \
	THREEBITS(Z16, Z24, SHIFT, TURN, BY, TO+256, HIGHTO)    \
	THREEBITS(Z17, Z25, SHIFT, TURN, BY, TO+320, HIGHTO)    \
	THREEBITS(Z18, Z26, SHIFT, TURN, BY, TO+384, HIGHTO)    \
	THREEBITS(Z19, Z27, SHIFT, TURN, BY, TO+448, HIGHTO)

// Scales 4K to 4K+3 of type Q3_K as signed bytes: the low four bits in the lanes of LOW from SHIFT on, the high two in Z7, at
// bits 4 and 5 after a shift by BY.
#define SCALES3(LOW, SHIFT, TURN, BY, OUT) \
	VPSRLD     $SHIFT, LOW, OUT         \
	TURN       $BY, Z7, Z9              \
	VPANDD     Z10, OUT, OUT            \
	VPTERNLOGD $0xf8, Z11, Z9, OUT      \
	VPSUBB     Z28, OUT, OUT

// The scales of type Q3_K to the cells. They are read from two bytes before them on, so as not to read beyond the half float
// that follows. Z28 is bytes of 0x20.
#define SCALES3K \
	COLUMNS16(94) \
	VPSRLD $16, Z0, Z0 \
	VPSLLD $16, Z1, Z4 \
	VPORD Z4, Z0, Z5 \
	VPSRLD $16, Z1, Z1 \
	VPSLLD $16, Z2, Z4 \
	VPORD Z4, Z1, Z6 \
	VPSRLD $16, Z2, Z2 \
	VPSLLD $16, Z3, Z4 \
	VPORD Z4, Z2, Z7 \
	VPSRLD $16, Z3, Z3 \
	VPMOVDW Z3, Y4 \
	VCVTPH2PS Y4, Z24 \
	BYTES(0x0f, Z10) \
	BYTES(0x30, Z11) \
	SCALES3(Z5, 0, VPSLLD, 4, Z0) \
	SCALES3(Z6, 0, VPSLLD, 2, Z1) \
	SCALES3(Z5, 4, VPSRLD, 0, Z2) \
	SCALES3(Z6, 4, VPSRLD, 2, Z3) \
	SIGNEDSCALES(Z0, 512) \
	SIGNEDSCALES(Z1, 1792) \
	SIGNEDSCALES(Z2, 3072) \
	SIGNEDSCALES(Z3, 4352)

// The scales of type IQ4_XS to the cells, from the first eight bytes of blocks in Z0 and Z1.
#define SCALESXS \
	VPMOVDW Z0, Y4 \
	VCVTPH2PS Y4, Z24 \
	XSSCALE(0, 512) \
	XSSCALE(1, 1088) \
	XSSCALE(2, 1664) \
	XSSCALE(3, 2240) \
	XSSCALE(4, 2816) \
	XSSCALE(5, 3392) \
	XSSCALE(6, 3968) \
	XSSCALE(7, 4544)

// The scales of type MXFP4 to Z5, of which the exponents are the low bytes of words at AT. Z29 is lanes of 255, Z28 of 1,
// Z27 of 2^21.
#define SCALESMX(AT) \
	VPMOVZXWD AT(DI), Z4 \
	VPANDD Z29, Z4, Z4 \
	VPSUBD Z28, Z4, Z5 \
	VPSLLD $23, Z5, Z5 \
	VPCMPUD $2, Z28, Z4, K1 \
	VPSLLVD Z4, Z27, K1, Z5
