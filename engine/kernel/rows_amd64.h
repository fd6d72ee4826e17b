// Walking through 16 rows, a block of all of them at a time.
//
// R10, R11, R12 and R13 point to rows 0, 4, 8 and 12, R8 is the bytes to the next row and R9 three times that; DI is what is
// written, DX the blocks left, R15 what will be needed next from memory.

#define ROWS \
	MOVQ dst+0(FP), DI     \
	MOVQ src+8(FP), R10    \
	MOVQ stride+16(FP), R8 \
	MOVQ blocks+24(FP), DX \
	MOVQ ahead+32(FP), R15 \
	ADDQ R10, R15          \
	LEAQ (R8)(R8*2), R9    \
	LEAQ (R10)(R8*4), R11  \
	LEAQ (R11)(R8*4), R12  \
	LEAQ (R12)(R8*4), R13

#define NEXTBLOCK(SIZE) \
	ADDQ $SIZE, R10 \
	ADDQ $SIZE, R11 \
	ADDQ $SIZE, R12 \
	ADDQ $SIZE, R13

// The 16-bit words at OFF of four rows from P on, to DST on.
#define WORDS4(OFF, P, DST, TO) \
	MOVWLZX OFF(P), AX           \
	MOVWLZX OFF(P)(R8*1), BX     \
	MOVWLZX OFF(P)(R8*2), CX     \
	MOVWLZX OFF(P)(R9*1), R14    \
	MOVW    AX, (TO)(DST)        \
	MOVW    BX, (TO+2)(DST)      \
	MOVW    CX, (TO+4)(DST)      \
	MOVW    R14, (TO+6)(DST)

#define WORDS(OFF, DST, TO) \
	WORDS4(OFF, R10, DST, TO)       \
	WORDS4(OFF, R11, DST, TO+8)     \
	WORDS4(OFF, R12, DST, TO+16)    \
	WORDS4(OFF, R13, DST, TO+24)

// The same with 32-bit words.
#define DWORDS4(OFF, P, DST, TO) \
	MOVL OFF(P), AX           \
	MOVL OFF(P)(R8*1), BX     \
	MOVL OFF(P)(R8*2), CX     \
	MOVL OFF(P)(R9*1), SI     \
	MOVL AX, (TO)(DST)        \
	MOVL BX, (TO+4)(DST)      \
	MOVL CX, (TO+8)(DST)      \
	MOVL SI, (TO+12)(DST)

#define DWORDS(OFF, DST, TO) \
	DWORDS4(OFF, R10, DST, TO)       \
	DWORDS4(OFF, R11, DST, TO+16)    \
	DWORDS4(OFF, R12, DST, TO+32)    \
	DWORDS4(OFF, R13, DST, TO+48)

// Puts the half floats at OFF of all blocks where their float32 will be. That is done some time before they are converted,
// because a load of what single words have just been stored to has to wait.
#define SCALES(OFF, TO, SIZE, CELL) \
scales:                  \
	WORDS(OFF, DI, TO)   \
	NEXTBLOCK(SIZE)      \
	ADDQ $CELL, DI       \
	DECQ DX              \
	JNZ  scales          \
	ROWS

// The next two lines of memory in each quarter of the next group of rows. Four pages are read at a time so: a core by itself
// waits for a dozen lines at most, and what reads ahead for it keeps to one stream in a page.
#define FETCH \
	PREFETCHT0 (R15)            \
	PREFETCHT0 64(R15)          \
	PREFETCHT0 (R15)(R8*4)      \
	PREFETCHT0 64(R15)(R8*4)    \
	PREFETCHT0 (R15)(R8*8)      \
	PREFETCHT0 64(R15)(R8*8)    \
	PREFETCHT0 (R15)(R9*4)      \
	PREFETCHT0 64(R15)(R9*4)
