//go:build !purego

#include "textflag.h"

// Lanes are F0 to F15.
#define LANES(F) \
	F(0, F0, F16, F17)   \
	F(1, F1, F18, F19)   \
	F(2, F2, F20, F21)   \
	F(3, F3, F22, F23)   \
	F(4, F4, F24, F25)   \
	F(5, F5, F26, F27)   \
	F(6, F6, F16, F17)   \
	F(7, F7, F18, F19)   \
	F(8, F8, F20, F21)   \
	F(9, F9, F22, F23)   \
	F(10, F10, F24, F25) \
	F(11, F11, F26, F27) \
	F(12, F12, F16, F17) \
	F(13, F13, F18, F19) \
	F(14, F14, F20, F21) \
	F(15, F15, F22, F23)

// Weight I at X11 as a float in T, by the constants of CONSTANTS.
#define FROM32(I, T) \
	MOVF (4*I)(X11), T
#define FROMBF(I, T) \
	MOVHU (2*I)(X11), X5 \
	SLLI  $16, X5        \
	FMVWX X5, T

// As the vectors' conversion, but what is infinite or no number gets its exponent first: X6 is all ones for that.
#define FROM16(I, T) \
	MOVH  (2*I)(X11), X5 \
	SLLI  $13, X5        \
	AND   X28, X5        \
	AND   X29, X5, X6    \
	ADD   X9, X6         \
	SLLI  $35, X6        \
	SRAI  $63, X6        \
	AND   X30, X6        \
	OR    X6, X5         \
	FMVWX X5, T          \
	FMULS F31, T, T

#define CONSTANTS \
	MOV   $0x8fffffff, X28 \
	MOV   $0x0f800000, X29 \
	MOV   $0x00800000, X9  \
	MOV   $0x77800000, X30 \
	FMVWX X30, F31         \
	MOV   $0x7f800000, X30

#define ZERO(I, A, T, U) \
	FMVWX X0, A
#define MULADD32(I, A, T, U) \
	FROM32(I, T)          \
	MOVF   (4*I)(X14), U  \
	FMADDS T, U, A, A
#define MULADD16(I, A, T, U) \
	FROM16(I, T)          \
	MOVF   (4*I)(X14), U  \
	FMADDS T, U, A, A
#define MULADDBF(I, A, T, U) \
	FROMBF(I, T)          \
	MOVF   (4*I)(X14), U  \
	FMADDS T, U, A, A

#define FOLD8 \
	FADDS F8, F0, F0  \
	FADDS F9, F1, F1  \
	FADDS F10, F2, F2 \
	FADDS F11, F3, F3 \
	FADDS F12, F4, F4 \
	FADDS F13, F5, F5 \
	FADDS F14, F6, F6 \
	FADDS F15, F7, F7
#define FOLD \
	FOLD8            \
	FADDS F4, F0, F0 \
	FADDS F5, F1, F1 \
	FADDS F6, F2, F2 \
	FADDS F7, F3, F3 \
	FADDS F2, F0, F0 \
	FADDS F3, F1, F1 \
	FADDS F1, F0, F0

#define DOTS(NAME, MULADD, SIZE, L1, L2) \
TEXT NAME(SB), NOSPLIT, $0-48      \
	MOV  dst+0(FP), X10        \
	MOV  w+8(FP), X12          \
	MOV  stride+16(FP), X13    \
	MOV  rows+24(FP), X15      \
	CONSTANTS                  \
L1:                                \
	MOV  X12, X11              \
	MOV  x+32(FP), X14         \
	MOV  steps+40(FP), X16     \
	LANES(ZERO)                \
L2:                                \
	LANES(MULADD)              \
	ADD  $(16*SIZE), X11       \
	ADD  $64, X14              \
	ADD  $-1, X16              \
	BNEZ X16, L2               \
	FOLD                       \
	MOVF F0, (X10)             \
	ADD  $4, X10               \
	ADD  X13, X12              \
	ADD  $-1, X15              \
	BNEZ X15, L1               \
	RET

// func dotF32RV64G(dst *float32, w *byte, stride, rows int, x *float32, steps int), and the other types
DOTS(·dotF32RV64G, MULADD32, 4, row, step)
DOTS(·dotF16RV64G, MULADD16, 2, row, step)
DOTS(·dotBF16RV64G, MULADDBF, 2, row, step)

// func dotRowsRV64G(dst, w *float32, stride, rows int, x *float32, steps int)
TEXT ·dotRowsRV64G(SB), NOSPLIT, $0-48
	JMP ·dotF32RV64G(SB)

#define LOAD(I, A, T, U) \
	MOVF (4*I)(X10), A
#define STORE(I, A, T, U) \
	MOVF A, (4*I)(X10)

// func lanesRV64G(acc, w *float32, wStep int, x *float32, xStep, steps int)
TEXT ·lanesRV64G(SB), NOSPLIT, $0-48
	MOV acc+0(FP), X10
	MOV w+8(FP), X11
	MOV wStep+16(FP), X12
	MOV x+24(FP), X14
	MOV xStep+32(FP), X13
	MOV steps+40(FP), X16
	LANES(LOAD)

step:
	LANES(MULADD32)
	ADD  X12, X11
	ADD  X13, X14
	ADD  $-1, X16
	BNEZ X16, step
	LANES(STORE)
	RET

#define COPY32(I, A, T, U) \
	FROM32(I, T)       \
	MOVF T, (4*I)(X10)
#define COPY16(I, A, T, U) \
	FROM16(I, T)       \
	MOVF T, (4*I)(X10)
#define COPYBF(I, A, T, U) \
	FROMBF(I, T)       \
	MOVF T, (4*I)(X10)

#define SPREAD(NAME, COPY, SIZE, L) \
TEXT NAME(SB), NOSPLIT, $0-40         \
	MOV  dst+0(FP), X10           \
	MOV  src+8(FP), X11           \
	MOV  steps+16(FP), X12        \
	MOV  stride+24(FP), X13       \
	CONSTANTS                     \
L:                                    \
	LANES(COPY)                   \
	ADD  $(16*SIZE), X11          \
	ADD  X13, X10                 \
	ADD  $-1, X12                 \
	BNEZ X12, L                   \
	RET

// func spreadF32RV64G(dst *float32, src *byte, steps, stride, ahead int), and the other types
SPREAD(·spreadF32RV64G, COPY32, 4, step)
SPREAD(·spreadF16RV64G, COPY16, 2, step)
SPREAD(·spreadBF16RV64G, COPYBF, 2, step)

// func orderRV64G(dst, src *float32, steps, stride, ahead int)
TEXT ·orderRV64G(SB), NOSPLIT, $0-40
	JMP ·spreadF32RV64G(SB)

#define ADDROW(I, A, T, U) \
	FROM32(I, T)        \
	FMADDS T, F30, A, A

// func addRowsRV64G(out, w *float32, stride, rows int, p *float32, parts int)
TEXT ·addRowsRV64G(SB), NOSPLIT, $0-48
	MOV out+0(FP), X10
	MOV w+8(FP), X12
	MOV stride+16(FP), X13
	MOV parts+40(FP), X15

part:
	MOV X12, X11
	MOV p+32(FP), X14
	MOV rows+24(FP), X16
	LANES(LOAD)

row:
	MOVF (X14), F30
	LANES(ADDROW)
	ADD  X13, X11
	ADD  $4, X14
	ADD  $-1, X16
	BNEZ X16, row
	LANES(STORE)
	ADD  $64, X10
	ADD  $64, X12
	ADD  $-1, X15
	BNEZ X15, part
	RET
