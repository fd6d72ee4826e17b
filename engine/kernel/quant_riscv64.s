//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "rvv_riscv64.h"

// Lanes are the rows of a packed group. Integer sums of the vectors are in V8, V12, V16 and V20, their sums of 16 bits in
// V24, V26, V28 and V30. X11 is at the packed weights, X12 to X15 are at the vectors' integers.
//
// F is called with J, a column's place, W, a register of weights, and what belongs to each vector.
#define EACH1(F, J, W) \
	F(J, W, X12, X5, V24, V8)
#define EACH4(F, J, W) \
	EACH1(F, J, W)             \
	F(J, W, X13, X8, V26, V12) \
	F(J, W, X14, X9, V28, V16) \
	F(J, W, X15, X29, V30, V20)

#define ZERO(J, W, Q, S, P, A) \
	VMVVI $0, A
#define MUL(J, W, Q, S, P, A) \
	MOVB    J(Q), S \
	VWMULVX S, W, P
#define MULADD(J, W, Q, S, P, A) \
	MOVB     J(Q), S \
	VWMACCVX W, S, P
#define MULWIDE(J, W, Q, S, P, A) \
	MOVB     J(Q), S \
	VWMACCVX W, S, A
#define WIDEN(J, W, Q, S, P, A) \
	VWADDWV P, A, A
#define ADVANCE(J, W, Q, S, P, A) \
	ADD $8, Q

#define COLUMN(EACH, F, J, W) \
	VLE8V (X11), W \
	ADD   $16, X11 \
	EACH(F, J, W)
#define COLUMNWIDE(EACH, J, W, WIDE) \
	VLE8V    (X11), W \
	ADD      $16, X11 \
	VSEXTVF2 W, WIDE  \
	EACH(MULWIDE, J, WIDE)

// The integer products with as many columns as have one scale, and then that scale in V4, and the minimum in V0. Eight
// products of small weights are added in 16 bits.
#define INTEGERS(EACH, NARROW, WIDE, SCALES, DONE) \
	WORDS                            \
	EACH(ZERO, 0, V0)                \
	MOV   productRVV_sub(X10), X22   \
	BNEZ  X23, WIDE                  \
NARROW:                                  \
	BYTES                            \
	COLUMN(EACH, MUL, 0, V0)         \
	COLUMN(EACH, MULADD, 1, V1)      \
	COLUMN(EACH, MULADD, 2, V2)      \
	COLUMN(EACH, MULADD, 3, V3)      \
	COLUMN(EACH, MULADD, 4, V4)      \
	COLUMN(EACH, MULADD, 5, V5)      \
	COLUMN(EACH, MULADD, 6, V6)      \
	COLUMN(EACH, MULADD, 7, V7)      \
	SHORTS                           \
	EACH(WIDEN, 0, V0)               \
	EACH(ADVANCE, 0, V0)             \
	ADD   $-8, X22                   \
	BNEZ  X22, NARROW                \
	JMP   SCALES                     \
WIDE:                                    \
	SHORTS                           \
	COLUMNWIDE(EACH, 0, V0, V2)      \
	COLUMNWIDE(EACH, 1, V1, V4)      \
	COLUMNWIDE(EACH, 2, V0, V6)      \
	COLUMNWIDE(EACH, 3, V1, V2)      \
	COLUMNWIDE(EACH, 4, V0, V4)      \
	COLUMNWIDE(EACH, 5, V1, V6)      \
	COLUMNWIDE(EACH, 6, V0, V2)      \
	COLUMNWIDE(EACH, 7, V1, V4)      \
	EACH(ADVANCE, 0, V0)             \
	ADD   $-8, X22                   \
	BNEZ  X22, WIDE                  \
SCALES:                                  \
	WORDS                            \
	VLE32V (X11), V4                 \
	ADD    $64, X11                  \
	BEQZ   X24, DONE                 \
	VLE32V (X11), V0                 \
	ADD    $64, X11                  \
DONE:

// X6 is at the vector's products, X17 bytes before the next one's, X7 at its block, X19 bytes before the next one's.
#define BLOCK(J, W, Q, S, P, A) \
	VFCVTFXV A, A           \
	MOVF     (X7), F0       \
	VLE32V   (X6), V24      \
	VFMULVF  F0, V4, V28    \
	VFMACCVV V28, A, V24    \
	VSE32V   V24, (X6)      \
	ADD      X17, X6        \
	ADD      X19, X7
#define BLOCKMIN(J, W, Q, S, P, A) \
	VFCVTFXV A, A           \
	MOVF     (X7), F0       \
	MOVF     block32_sum(X7), F1 \
	VLE32V   (X6), V24      \
	VFMULVF  F0, V4, V28    \
	VFMACCVV V28, A, V24    \
	VFMULVF  F0, V0, V28    \
	VFMACCVF V28, F1, V24   \
	VSE32V   V24, (X6)      \
	ADD      X17, X6        \
	ADD      X19, X7

#define ARGUMENTS \
	MOV  p+0(FP), X10                   \
	MOV  productRVV_w(X10), X11         \
	MOV  productRVV_q(X10), X12         \
	MOV  productRVV_qStride(X10), X13   \
	ADD  X13, X13, X15                  \
	ADD  X12, X15, X14                  \
	ADD  X13, X15                       \
	ADD  X12, X13                       \
	ADD  X12, X15                       \
	MOV  productRVV_dst(X10), X16       \
	MOV  productRVV_dstStride(X10), X17 \
	MOV  productRVV_block(X10), X18     \
	MOV  productRVV_blockStride(X10), X19 \
	MOV  productRVV_blocks(X10), X20    \
	MOVBU productRVV_wide(X10), X23     \
	MOVBU productRVV_minima(X10), X24

#define DOT32(NAME, EACH, L1, L2, L3, L4, L5, L6, L7) \
TEXT NAME(SB), NOSPLIT, $0-8                \
	ARGUMENTS                           \
L1:                                         \
	INTEGERS(EACH, L2, L3, L4, L5)      \
	MOV  X16, X6                        \
	MOV  X18, X7                        \
	ADD  $block32__size, X18            \
	BNEZ X24, L6                        \
	EACH(BLOCK, 0, V0)                  \
	JMP  L7                             \
L6:                                         \
	EACH(BLOCKMIN, 0, V0)               \
L7:                                         \
	ADD  $-1, X20                       \
	BNEZ X20, L1                        \
	RET

// func dot32x1RVV(p *productRVV)
DOT32(·dot32x1RVV, EACH1, block, narrow, wide, scales, floats, minimum, next)

// func dot32x4RVV(p *productRVV)
DOT32(·dot32x4RVV, EACH4, block, narrow, wide, scales, floats, minimum, next)

// A super-block's sums are kept at X28, 64 bytes a vector; X6 goes along them, X7 along the sums of integers.
#define CLEAR(J, W, Q, S, P, A) \
	VSE32V V24, (X6) \
	ADD    $64, X6
#define PART(J, W, Q, S, P, A) \
	VFCVTFXV A, A        \
	VLE32V   (X6), V24   \
	VFMACCVV V4, A, V24  \
	VSE32V   V24, (X6)   \
	ADD      $64, X6
#define PARTMIN(J, W, Q, S, P, A) \
	VFCVTFXV  A, A         \
	MOVF      (X7), F0     \
	VLE32V    (X6), V24    \
	VFMACCVV  V4, A, V24   \
	VFNMSACVF V0, F0, V24  \
	VSE32V    V24, (X6)    \
	ADD       $64, X6      \
	ADD       X19, X7

// X30 goes along the vectors' products, X7 along their blocks.
#define SUPER(J, W, Q, S, P, A) \
	MOVF     (X7), F0      \
	VLE32V   (X6), V24     \
	VLE32V   (X30), V28    \
	VFMACCVF V24, F0, V28  \
	VSE32V   V28, (X30)    \
	ADD      $64, X6       \
	ADD      X17, X30      \
	ADD      X19, X7

#define DOT256(NAME, EACH, L1, L2, L3, L4, L5, L6, L7, L8) \
TEXT NAME(SB), NOSPLIT, $256-8              \
	ARGUMENTS                           \
	MOV  $t-256(SP), X28                \
L1:                                         \
	WORDS                               \
	VMVVI $0, V24                       \
	MOV  X28, X6                        \
	EACH(CLEAR, 0, V0)                  \
	MOV  $256, X21                      \
	MOV  productRVV_sums(X10), X25      \
	ADD  X18, X25                       \
L8:                                         \
	INTEGERS(EACH, L2, L3, L4, L5)      \
	MOV  X28, X6                        \
	BNEZ X24, L6                        \
	EACH(PART, 0, V0)                   \
	JMP  L7                             \
L6:                                         \
	MOV  X25, X7                        \
	ADD  $4, X25                        \
	EACH(PARTMIN, 0, V0)                \
L7:                                         \
	MOV  productRVV_sub(X10), X5        \
	SUB  X5, X21                        \
	BNEZ X21, L8                        \
	MOV  X28, X6                        \
	MOV  X16, X30                       \
	MOV  X18, X7                        \
	ADD  $block256__size, X18           \
	EACH(SUPER, 0, V0)                  \
	ADD  $-1, X20                       \
	BNEZ X20, L1                        \
	RET

// func dot256x1RVV(p *productRVV)
DOT256(·dot256x1RVV, EACH1, super, narrow, wide, scales, floats, minimum, next, part)

// func dot256x4RVV(p *productRVV)
DOT256(·dot256x4RVV, EACH4, super, narrow, wide, scales, floats, minimum, next, part)

// func topBitsRVV(x *float32, n int) uint32
TEXT ·topBitsRVV(SB), NOSPLIT, $0-20
	MOV   x+0(FP), X10
	MOV   n+8(FP), X11
	MOV   $0x7fffffff, X12
	WORDS
	VMVVI $0, V8

loop:
	VLE32V  (X10), V16
	ADD     $64, X10
	VLE32V  (X10), V24
	ADD     $64, X10
	VANDVX  X12, V16, V16
	VANDVX  X12, V24, V24
	VMAXUVV V16, V8, V8
	VMAXUVV V24, V8, V8
	ADD     $-32, X11
	BNEZ    X11, loop

	VMVVI      $0, V16
	VREDMAXUVS V16, V8, V16
	VMVXS      V16, X10
	MOVW       X10, ret+16(FP)
	RET

// func scaleRVV(q *int8, x *float32, n int, inv float32) int32
// Low bytes after the addition are the integers. A group's sums of four registers are folded at the end.
TEXT ·scaleRVV(SB), NOSPLIT, $0-36
	MOV   q+0(FP), X10
	MOV   x+8(FP), X11
	MOV   n+16(FP), X12
	MOVF  inv+24(FP), F0
	MOV   $0x4b400000, X13 // 0x1.8p23
	FMVWX X13, F1
	WORDS
	VMVVI $0, V8

loop:
	WORDS
	VLE32V   (X11), V16
	VFMULVF  F0, V16, V16
	VFADDVF  F1, V16, V16
	VSLLVI   $24, V16, V20
	VSRAVI   $24, V20, V20
	VADDVV   V20, V8, V8
	SHORTS
	VNSRLWI  $0, V16, V4
	BYTES
	VNSRLWI  $0, V4, V2
	VSE8V    V2, (X10)
	ADD      $64, X11
	ADD      $16, X10
	ADD      $-16, X12
	BNEZ     X12, loop

	WORDS
	VMVVI     $0, V16
	VREDSUMVS V16, V8, V16
	VMVXS     V16, X10
	MOVW      X10, ret+32(FP)
	RET

// func lanesRVV() int
TEXT ·lanesRVV(SB), NOSPLIT, $0-8
	VSETIVLI $16, E32, M4, TA, MA, X10
	MOV      X10, ret+0(FP)
	RET
