//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "rvv_riscv64.h"

// 16 weights at P as floats in W, by the constants of CONSTANTS. V0 and V4 may change.
#define FROM32(P, W) \
	VLE32V (P), W
#define FROMBF(P, W) \
	VLE16V   (P), V4 \
	VZEXTVF2 V4, W   \
	VSLLVI   $16, W, W

// The bits of a half float at their place in a float32 are 2^112 times too small a number, if it is not an infinite one or
// none, which get the exponent of those.
#define FROM16(P, W) \
	VLE16V   (P), V4     \
	VSEXTVF2 V4, W       \
	VSLLVI   $13, W, W   \
	VANDVX   X28, W, W   \
	VANDVX   X29, W, V4  \
	VMSEQVX  X29, V4, V0 \
	VFMULVF  F31, W, W   \
	VORVX    X30, W, V0, W

#define CONSTANTS \
	MOV   $0x8fffffff, X28 \
	MOV   $0x0f800000, X29 \
	MOV   $0x77800000, X30 \
	FMVWX X30, F31         \
	MOV   $0x7f800000, X30

// The first N of 2N lanes get the sums with the others.
#define HALVE(N) \
	VSETIVLI     $N, E32, M4, TA, MA, X0 \
	VSLIDEDOWNVI $N, V8, V24    \
	VSLIDEDOWNVI $N, V12, V28   \
	VFADDVV      V24, V8, V8    \
	VFADDVV      V28, V12, V12  \
	VSLIDEDOWNVI $N, V16, V24   \
	VSLIDEDOWNVI $N, V20, V28   \
	VFADDVV      V24, V16, V16  \
	VFADDVV      V28, V20, V20
#define HALVE1(N) \
	VSETIVLI     $N, E32, M4, TA, MA, X0 \
	VSLIDEDOWNVI $N, V8, V24    \
	VFADDVV      V24, V8, V8

// The sums of four rows' lanes, to four floats at P; X5 to X8 may change.
#define FOLD(P) \
	HALVE(8)                 \
	HALVE(4)                 \
	HALVE(2)                 \
	HALVE(1)                 \
	ADD    $4, P, X5         \
	ADD    $8, P, X6         \
	ADD    $12, P, X7        \
	VSE32V V8, (P)           \
	VSE32V V12, (X5)         \
	VSE32V V16, (X6)         \
	VSE32V V20, (X7)         \
	WORDS

#define ZERO \
	VMVVI $0, V8  \
	VMVVI $0, V12 \
	VMVVI $0, V16 \
	VMVVI $0, V20

// Four rows at X16 to X19, a step further.
#define ROWS(FROM, STEP) \
	FROM(X16, V28)          \
	ADD      STEP, X16      \
	VFMACCVV V24, V28, V8   \
	FROM(X17, V28)          \
	ADD      STEP, X17      \
	VFMACCVV V24, V28, V12  \
	FROM(X18, V28)          \
	ADD      STEP, X18      \
	VFMACCVV V24, V28, V16  \
	FROM(X19, V28)          \
	ADD      STEP, X19      \
	VFMACCVV V24, V28, V20

#define DOTS(NAME, FROM, SIZE, L1, L2, L3, L4, L5, L6) \
TEXT NAME(SB), NOSPLIT, $0-48           \
	MOV    dst+0(FP), X10           \
	MOV    w+8(FP), X11             \
	MOV    stride+16(FP), X12       \
	MOV    rows+24(FP), X13         \
	MOV    x+32(FP), X14            \
	MOV    steps+40(FP), X15        \
	CONSTANTS                       \
	WORDS                           \
	ADD    $-4, X13                 \
	BLT    X13, X0, L3              \
L1:                                     \
	MOV    X11, X16                 \
	ADD    X12, X16, X17            \
	ADD    X12, X17, X18            \
	ADD    X12, X18, X19            \
	ADD    X12, X19, X11            \
	MOV    X14, X20                 \
	MOV    X15, X21                 \
	ZERO                            \
L2:                                     \
	VLE32V (X20), V24               \
	ADD    $64, X20                 \
	ROWS(FROM, $(16*SIZE))          \
	ADD    $-1, X21                 \
	BNEZ   X21, L2                  \
	FOLD(X10)                       \
	ADD    $16, X10                 \
	ADD    $-4, X13                 \
	BGE    X13, X0, L1              \
L3:                                     \
	ADD    $4, X13                  \
	BEQZ   X13, L6                  \
L4:                                     \
	MOV    X11, X16                 \
	ADD    X12, X11                 \
	MOV    X14, X20                 \
	MOV    X15, X21                 \
	WORDS                           \
	VMVVI  $0, V8                   \
L5:                                     \
	VLE32V (X20), V24               \
	ADD    $64, X20                 \
	FROM(X16, V28)                  \
	ADD    $(16*SIZE), X16          \
	VFMACCVV V24, V28, V8           \
	ADD    $-1, X21                 \
	BNEZ   X21, L5                  \
	HALVE1(8)                       \
	HALVE1(4)                       \
	HALVE1(2)                       \
	HALVE1(1)                       \
	VSE32V V8, (X10)                \
	ADD    $4, X10                  \
	ADD    $-1, X13                 \
	BNEZ   X13, L4                  \
L6:                                     \
	RET

// func dotF32RVV(dst *float32, w *byte, stride, rows int, x *float32, steps int), and the other types
DOTS(·dotF32RVV, FROM32, 4, four, step4, rest, one, step1, done)
DOTS(·dotF16RVV, FROM16, 2, four, step4, rest, one, step1, done)
DOTS(·dotBF16RVV, FROMBF, 2, four, step4, rest, one, step1, done)

// func dotRowsRVV(dst, w *float32, stride, rows int, x *float32, steps int)
TEXT ·dotRowsRVV(SB), NOSPLIT, $0-48
	JMP ·dotF32RVV(SB)

#define SPREAD(NAME, FROM, SIZE, L) \
TEXT NAME(SB), NOSPLIT, $0-40         \
	MOV    dst+0(FP), X10         \
	MOV    src+8(FP), X11         \
	MOV    steps+16(FP), X12      \
	MOV    stride+24(FP), X13     \
	CONSTANTS                     \
	WORDS                         \
L:                                    \
	FROM(X11, V8)                 \
	VSE32V V8, (X10)              \
	ADD    $(16*SIZE), X11        \
	ADD    X13, X10               \
	ADD    $-1, X12               \
	BNEZ   X12, L                 \
	RET

// func spreadF32RVV(dst *float32, src *byte, steps, stride, ahead int), and the other types
SPREAD(·spreadF32RVV, FROM32, 4, step)
SPREAD(·spreadF16RVV, FROM16, 2, step)
SPREAD(·spreadBF16RVV, FROMBF, 2, step)

// func orderRVV(dst, src *float32, steps, stride, ahead int)
TEXT ·orderRVV(SB), NOSPLIT, $0-40
	JMP ·spreadF32RVV(SB)

// The lanes of four rows at X29, 64 bytes a row; X5 to X7 are where those of the last three are.
#define LANES \
	ADD $64, X29, X5  \
	ADD $128, X29, X6 \
	ADD $192, X29, X7

// func tileRVV(t *floatTile)
// A vector and four rows at a time. X11, X15, X16 and X17 are at the four rows' weights, the vector, its accumulators and
// its products.
TEXT ·tileRVV(SB), NOSPLIT, $0-8
	MOV   t+0(FP), X10
	MOV   floatTile_w(X10), X11
	MOV   floatTile_rowStride(X10), X12
	MOV   floatTile_step(X10), X13
	MOV   floatTile_vectorStep(X10), X14
	MOV   floatTile_acc(X10), X20
	MOV   floatTile_dst(X10), X21
	MOV   floatTile_fours(X10), X22
	MOVBU floatTile_first(X10), X23
	MOVBU floatTile_last(X10), X24
	MOV   floatTile_dstStride(X10), X25
	WORDS

four:
	MOV floatTile_x(X10), X15
	MOV floatTile_vectors(X10), X30
	MOV X20, X29
	MOV X21, X28

vector:
	MOV  X11, X16
	ADD  X12, X16, X17
	ADD  X12, X17, X18
	ADD  X12, X18, X19
	MOV  X15, X8
	MOV  floatTile_steps(X10), X9
	BEQZ X23, continued
	ZERO
	JMP  step

continued:
	LANES
	VLE32V (X29), V8
	VLE32V (X5), V12
	VLE32V (X6), V16
	VLE32V (X7), V20

step:
	VLE32V (X8), V24
	ADD    X14, X8
	ROWS(FROM32, X13)
	ADD    $-1, X9
	BNEZ   X9, step
	BEQZ   X24, keep
	FOLD(X28)
	JMP    next

keep:
	LANES
	VSE32V V8, (X29)
	VSE32V V12, (X5)
	VSE32V V16, (X6)
	VSE32V V20, (X7)

next:
	ADD  $256, X29
	ADD  X25, X28
	ADD  $64, X15
	ADD  $-1, X30
	BNEZ X30, vector
	MOV  floatTile_fourStride(X10), X5
	ADD  X5, X11
	MOV  floatTile_accStride(X10), X5
	ADD  X5, X20
	ADD  $16, X21
	ADD  $-1, X22
	BNEZ X22, four
	RET

// func addRowsRVV(out, w *float32, stride, rows int, p *float32, parts int)
// As many elements at a time as eight registers take.
TEXT ·addRowsRVV(SB), NOSPLIT, $0-48
	MOV  out+0(FP), X10
	MOV  w+8(FP), X11
	MOV  stride+16(FP), X12
	MOV  rows+24(FP), X13
	MOV  p+32(FP), X14
	MOV  parts+40(FP), X15
	SLLI $4, X15

strip:
	VSETVLI X15, E32, M8, TA, MA, X16
	VLE32V  (X10), V8
	MOV     X11, X17
	MOV     X14, X18
	MOV     X13, X19

row:
	MOVF     (X18), F0
	VLE32V   (X17), V16
	VFMACCVF V16, F0, V8
	ADD      $4, X18
	ADD      X12, X17
	ADD      $-1, X19
	BNEZ     X19, row

	VSE32V V8, (X10)
	SUB    X16, X15
	SLLI   $2, X16
	ADD    X16, X10
	ADD    X16, X11
	BNEZ   X15, strip
	RET

// func mix3RVV(m *mix)
// The same for three outputs from m.from on, at X10, X20 and X21, with factors at X14, X22 and X23.
TEXT ·mix3RVV(SB), NOSPLIT, $0-8
	MOV  m+0(FP), X5
	MOV  mix_from(X5), X6
	MOV  mix_outStride(X5), X7
	MOV  mix_out(X5), X10
	MUL  X7, X6, X8
	ADD  X8, X10
	ADD  X7, X10, X20
	ADD  X7, X20, X21
	MOV  mix_pStride(X5), X7
	MOV  mix_p(X5), X14
	MUL  X7, X6, X8
	ADD  X8, X14
	ADD  X7, X14, X22
	ADD  X7, X22, X23
	MOV  mix_w(X5), X11
	MOV  mix_stride(X5), X12
	MOV  mix_rows(X5), X13
	MOV  mix_parts(X5), X15
	SLLI $4, X15
	SLLI $2, X13, X24 // bytes of factors

strip:
	VSETVLI X15, E32, M8, TA, MA, X16
	VLE32V  (X10), V0
	VLE32V  (X20), V8
	VLE32V  (X21), V16
	MOV     X11, X17
	MOV     X13, X19

row:
	MOVF     (X14), F0
	MOVF     (X22), F1
	MOVF     (X23), F2
	VLE32V   (X17), V24
	VFMACCVF V24, F0, V0
	VFMACCVF V24, F1, V8
	VFMACCVF V24, F2, V16
	ADD      $4, X14
	ADD      $4, X22
	ADD      $4, X23
	ADD      X12, X17
	ADD      $-1, X19
	BNEZ     X19, row

	VSE32V V0, (X10)
	VSE32V V8, (X20)
	VSE32V V16, (X21)
	SUB    X24, X14
	SUB    X24, X22
	SUB    X24, X23
	SUB    X16, X15
	SLLI   $2, X16
	ADD    X16, X10
	ADD    X16, X20
	ADD    X16, X21
	ADD    X16, X11
	BNEZ   X15, strip
	RET
