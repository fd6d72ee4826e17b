// Packing of 16 rows (see packed.go for the layout, rows_amd64.h for the registers). DI is the packed cell.

#include "rows_amd64.h"

// A byte in every byte of Z.
#define BYTES(V, Z) \
	MOVL $V, AX          \
	VPBROADCASTB AX, Z

// In each quarter of A, B, C and D transposes the four rows of four 32-bit columns.
#define TRANSPOSE(A, B, C, D) \
	VPUNPCKLDQ  B, A, Z8    \
	VPUNPCKHDQ  B, A, Z9    \
	VPUNPCKLDQ  D, C, Z10   \
	VPUNPCKHDQ  D, C, Z11   \
	VPUNPCKLQDQ Z10, Z8, A  \
	VPUNPCKHQDQ Z10, Z8, B  \
	VPUNPCKLQDQ Z11, Z9, C  \
	VPUNPCKHQDQ Z11, Z9, D

#define QUARTERS(P0, P1, P2, P3, X, Y, Z) \
	VMOVDQU      P0, X         \
	VINSERTI128  $1, P1, Y, Y  \
	VINSERTI32X4 $2, P2, Z, Z  \
	VINSERTI32X4 $3, P3, Z, Z

// The 16 bytes at OFF of all rows, four in a lane, into Z0 to Z3; Z8 to Z11 are lost.
#define COLUMNS16(OFF) \
	QUARTERS(OFF(R10), OFF(R11), OFF(R12), OFF(R13), X0, Y0, Z0)                                 \
	QUARTERS(OFF(R10)(R8*1), OFF(R11)(R8*1), OFF(R12)(R8*1), OFF(R13)(R8*1), X1, Y1, Z1)         \
	QUARTERS(OFF(R10)(R8*2), OFF(R11)(R8*2), OFF(R12)(R8*2), OFF(R13)(R8*2), X2, Y2, Z2)         \
	QUARTERS(OFF(R10)(R9*1), OFF(R11)(R9*1), OFF(R12)(R9*1), OFF(R13)(R9*1), X3, Y3, Z3)         \
	TRANSPOSE(Z0, Z1, Z2, Z3)

// Rows 0 to 3 beside rows 4 to 7, by pointers P and Q.
#define HALVES(OFF, P, Q, Z0, Z1, Z2, Z3, Y0, Y1, Y2, Y3) \
	VMOVDQU      OFF(P), Y0                 \
	VMOVDQU      OFF(P)(R8*1), Y1           \
	VMOVDQU      OFF(P)(R8*2), Y2           \
	VMOVDQU      OFF(P)(R9*1), Y3           \
	VINSERTI64X4 $1, OFF(Q), Z0, Z0         \
	VINSERTI64X4 $1, OFF(Q)(R8*1), Z1, Z1   \
	VINSERTI64X4 $1, OFF(Q)(R8*2), Z2, Z2   \
	VINSERTI64X4 $1, OFF(Q)(R9*1), Z3, Z3

#define COLUMNPAIR(A, B, LOW, HIGH) \
	VSHUFI32X4 $0x88, B, A, LOW     \
	VSHUFI32X4 $0xdd, B, A, HIGH

// The 32 bytes at OFF of all rows, four in a lane, into C0 to C7; Z0 to Z11 are lost.
#define COLUMNS32(OFF, C0, C1, C2, C3, C4, C5, C6, C7) \
	HALVES(OFF, R10, R11, Z0, Z1, Z2, Z3, Y0, Y1, Y2, Y3)    \
	HALVES(OFF, R12, R13, Z4, Z5, Z6, Z7, Y4, Y5, Y6, Y7)    \
	TRANSPOSE(Z0, Z1, Z2, Z3)                                \
	TRANSPOSE(Z4, Z5, Z6, Z7)                                \
	COLUMNPAIR(Z0, Z4, C0, C4)                               \
	COLUMNPAIR(Z1, Z5, C1, C5)                               \
	COLUMNPAIR(Z2, Z6, C2, C6)                               \
	COLUMNPAIR(Z3, Z7, C3, C7)

#define WIDEN(TO) \
	VCVTPH2PS TO(DI), Z0     \
	VMOVUPS   Z0, TO(DI)

// The low halves of bytes to LOW, the high halves to HIGH, by the including file's LOWTO and HIGHTO. Z31 is the mask of the low halves.
#define NIBBLES(C, LOW, HIGH) \
	VPANDD    Z31, C, Z12        \
	VPSRLD    $4, C, Z13         \
	VPANDD    Z31, Z13, Z13      \
	LOWTO(Z12, LOW)              \
	HIGHTO(Z13, HIGH)

// Four unsigned bytes of each lane of S, times F, to the floats at TO and the next cells.
#define BYTESCALES(S, F, TO, CELL) \
	VPANDD    Z30, S, Z4             \
	VPSRLD    $8, S, Z5              \
	VPSRLD    $16, S, Z6             \
	VPSRLD    $24, S, Z7             \
	VPANDD    Z30, Z5, Z5            \
	VPANDD    Z30, Z6, Z6            \
	VCVTDQ2PS Z4, Z4                 \
	VCVTDQ2PS Z5, Z5                 \
	VCVTDQ2PS Z6, Z6                 \
	VCVTDQ2PS Z7, Z7                 \
	VMULPS    F, Z4, Z4              \
	VMULPS    F, Z5, Z5              \
	VMULPS    F, Z6, Z6              \
	VMULPS    F, Z7, Z7              \
	VMOVUPS   Z4, (TO)(DI)           \
	VMOVUPS   Z5, (TO+CELL)(DI)      \
	VMOVUPS   Z6, (TO+2*CELL)(DI)    \
	VMOVUPS   Z7, (TO+3*CELL)(DI)

// The 16 bytes at the beginning of a block of type Q4_K or Q5_K: two half floats and eight 6-bit scales and minima. Z28 and
// Z29 are bytes of 0x30 and 0x3f, Z30 the lowest bytes of lanes, Z31 bytes of 0x0f.
#define SCALES6 \
	COLUMNS16(0)                       \
	VPMOVDW   Z0, Y4                   \
	VCVTPH2PS Y4, Z24                  \
	VPSRLD    $16, Z0, Z0              \
	VPMOVDW   Z0, Y4                   \
	VCVTPH2PS Y4, Z25                  \
	VPANDD    Z29, Z1, Z26             \
	VPSRLD    $2, Z1, Z1               \
	VPANDD    Z28, Z1, Z1              \
	VPTERNLOGD $0xf8, Z31, Z3, Z1      \
	BYTESCALES(Z26, Z24, 512, 640)     \
	BYTESCALES(Z1, Z24, 3072, 640)     \
	VPSRLD    $4, Z3, Z3               \
	VPANDD    Z29, Z2, Z26             \
	VPSRLD    $2, Z2, Z2               \
	VPANDD    Z28, Z2, Z2              \
	VPTERNLOGD $0xf8, Z31, Z3, Z2      \
	BYTESCALES(Z26, Z25, 576, 640)     \
	BYTESCALES(Z2, Z25, 3136, 640)

// Signed byte B of each lane of S, times Z24, to the floats at TO.
#define SIGNEDSCALE(S, B, TO) \
	VPSLLD    $(24-8*B), S, Z4   \
	VPSRAD    $24, Z4, Z4        \
	VCVTDQ2PS Z4, Z4             \
	VMULPS    Z24, Z4, Z4        \
	VMOVUPS   Z4, (TO)(DI)

#define SIGNEDSCALES(S, TO) \
	SIGNEDSCALE(S, 0, TO)       \
	SIGNEDSCALE(S, 1, TO+64)    \
	SIGNEDSCALE(S, 2, TO+640)   \
	SIGNEDSCALE(S, 3, TO+704)

// 64 weights from the 32 bytes at OFF, into two cells from TO on.
#define TWOCELLS(OFF, TO) \
	COLUMNS32(OFF, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23) \
	NIBBLES(Z16, TO, TO+640)             \
	NIBBLES(Z17, TO+64, TO+704)          \
	NIBBLES(Z18, TO+128, TO+768)         \
	NIBBLES(Z19, TO+192, TO+832)         \
	NIBBLES(Z20, TO+256, TO+896)         \
	NIBBLES(Z21, TO+320, TO+960)         \
	NIBBLES(Z22, TO+384, TO+1024)        \
	NIBBLES(Z23, TO+448, TO+1088)

// Weights of six bits, LOW having the low four of the first in its low halves and of the second in its high ones, and HIGH
// the high two bits: of the first in bits 4 and 5 after a shift to the left by LEFT, of the second after RIGHT to the right.
// Z28 is bytes of 0x30, Z31 of 0x0f.
#define SIXBITS(LOW, HIGH, LEFT, RIGHT, TO, TO2) \
	VPSLLD     $LEFT, HIGH, Z0          \
	VPANDD     Z31, LOW, Z1             \
	VPTERNLOGD $0xf8, Z28, Z0, Z1       \
	LOWTO(Z1, TO)                       \
	VPSRLD     $RIGHT, HIGH, Z2         \
	VPSRLD     $4, LOW, Z3              \
	VPANDD     Z31, Z3, Z3              \
	VPTERNLOGD $0xf8, Z28, Z2, Z3       \
	HIGHTO(Z3, TO2)
