// Vector instructions that the assembler has no name for, and those that macros use with numbers of registers: in the
// order of the assembler's own, with the destination last. A number n is Vn, or Rn where an address is meant.
// Source: the A64 instruction set, Arm Architecture Reference Manual (DDI 0487), section C7.2.

#define OP3(CODE, M, N, D) WORD $((CODE) | ((M)<<16) | ((N)<<5) | (D))
#define OP2(CODE, N, D) WORD $((CODE) | ((N)<<5) | (D))
// I is the lane of M, of four.
#define OPLANE(CODE, I, M, N, D) WORD $((CODE) | (((I)&1)<<21) | (((I)>>1)<<11) | ((M)<<16) | ((N)<<5) | (D))

// Offsets are multiples of 16: 0 to 65520 for one register, -1024 to 1008 for two.
#define LDQ(OFF, R, D) WORD $(0x3dc00000 | (((OFF)>>4)<<10) | ((R)<<5) | (D))
#define STQ(D, OFF, R) WORD $(0x3d800000 | (((OFF)>>4)<<10) | ((R)<<5) | (D))
#define LDQ2(OFF, R, D, E) WORD $(0xad400000 | ((((OFF)>>4)&127)<<15) | ((E)<<10) | ((R)<<5) | (D))
#define STQ2(D, E, OFF, R) WORD $(0xad000000 | ((((OFF)>>4)&127)<<15) | ((E)<<10) | ((R)<<5) | (D))
// At R plus register M; at any offset from -256 to 255.
#define LDXQ(M, R, D) WORD $(0x3ce06800 | ((M)<<16) | ((R)<<5) | (D))
#define LDUQ(OFF, R, D) WORD $(0x3cc00000 | (((OFF)&511)<<12) | ((R)<<5) | (D))
// The two bytes at R to lane I of eight.
#define LDLANEH(I, R, D) WORD $(0x0d404000 | (((I)>>2)<<30) | ((((I)>>1)&1)<<12) | (((I)&1)<<11) | ((R)<<5) | (D))

#define ZERO(D) WORD $(0x6f00e400 | (D))
#define COPY(N, D) OP3(0x4ea01c00, N, N, D)
#define ANDB(M, N, D) OP3(0x4e201c00, M, N, D)
#define ORB(M, N, D) OP3(0x4ea01c00, M, N, D)
#define TRN1S(M, N, D) OP3(0x4e802800, M, N, D)
#define TRN2S(M, N, D) OP3(0x4e806800, M, N, D)
#define TRN1D(M, N, D) OP3(0x4ec02800, M, N, D)
#define TRN2D(M, N, D) OP3(0x4ec06800, M, N, D)
#define TBL(M, N, D) OP3(0x4e000000, M, N, D)
// Lane I of N, of four, to all lanes.
#define DUPS(I, N, D) WORD $(0x4e040400 | ((I)<<19) | ((N)<<5) | (D))

// Integers: B, H and S are lanes of 8, 16 and 32 bits.
#define SDOT(I, M, N, D) OPLANE(0x4f80e000, I, M, N, D)
#define SDOTV(M, N, D) OP3(0x4e809400, M, N, D)
#define SMULL(M, N, D) OP3(0x0e20c000, M, N, D)
#define SMULL2(M, N, D) OP3(0x4e20c000, M, N, D)
#define SMLAL(M, N, D) OP3(0x0e208000, M, N, D)
#define SMLAL2(M, N, D) OP3(0x4e208000, M, N, D)
#define SADDLPB(N, D) OP2(0x4e202800, N, D)
#define SADDLPH(N, D) OP2(0x4e602800, N, D)
#define SADALPH(N, D) OP2(0x4e606800, N, D)
#define ADDINT(M, N, D) OP3(0x4ea08400, M, N, D)
#define ADDPS(M, N, D) OP3(0x4ea0bc00, M, N, D)
#define ADDB(M, N, D) OP3(0x4e208400, M, N, D)
// All bits where N and M have one in common.
#define TSTB(M, N, D) OP3(0x4e208c00, M, N, D)
#define SUBB(M, N, D) OP3(0x6e208400, M, N, D)
#define CMGT(M, N, D) OP3(0x4ea03400, M, N, D)
#define SHRB(K, N, D) OP2(0x6f000400 | ((16-(K))<<16), N, D)
// The high K bits of D stay.
#define SRIB(K, N, D) OP2(0x6f004400 | ((16-(K))<<16), N, D)
#define SHLB(K, N, D) OP2(0x4f005400 | ((8+(K))<<16), N, D)
#define SHRS(K, N, D) OP2(0x6f000400 | ((64-(K))<<16), N, D)
#define SARS(K, N, D) OP2(0x4f000400 | ((64-(K))<<16), N, D)
#define SHLS(K, N, D) OP2(0x4f005400 | ((32+(K))<<16), N, D)
// The largest of four lanes, without signs.
#define UMAXV(N, D) OP2(0x6eb0a800, N, D)
// The low and the high halves of four lanes.
#define LOWH(N, D) OP2(0x0e612800, N, D)
#define HIGHH(N, D) OP2(0x0f108400, N, D)

// Four float32; E is for a lane of M.
#define SCVTF(N, D) OP2(0x4e21d800, N, D)
#define FADD(M, N, D) OP3(0x4e20d400, M, N, D)
#define FADDP(M, N, D) OP3(0x6e20d400, M, N, D)
#define FSUB(M, N, D) OP3(0x4ea0d400, M, N, D)
#define FMUL(M, N, D) OP3(0x6e20dc00, M, N, D)
#define FDIV(M, N, D) OP3(0x6e20fc00, M, N, D)
#define FMLA(M, N, D) OP3(0x4e20cc00, M, N, D)
#define FMULE(I, M, N, D) OPLANE(0x4f809000, I, M, N, D)
#define FMLAE(I, M, N, D) OPLANE(0x4f801000, I, M, N, D)
#define FMLSE(I, M, N, D) OPLANE(0x4f805000, I, M, N, D)
// All bits where N is greater than M, or equal. BSL takes the bits of N where D has ones, and those of M elsewhere; BIT
// puts the bits of N where M has ones.
#define FCMGT(M, N, D) OP3(0x6ea0e400, M, N, D)
#define FCMEQ(M, N, D) OP3(0x4e20e400, M, N, D)
#define BSL(M, N, D) OP3(0x6e601c00, M, N, D)
#define BIT(M, N, D) OP3(0x6ea01c00, M, N, D)
#define BIC(M, N, D) OP3(0x4e601c00, M, N, D)
// Four half floats, the low ones or the high ones, to float32.
#define FCVTLH(N, D) OP2(0x0e217800, N, D)
#define FCVTL2H(N, D) OP2(0x4e217800, N, D)

// The same from bfloat16.
#define SHLLH(N, D) OP2(0x2e613800, N, D)
#define SHLL2H(N, D) OP2(0x6e613800, N, D)

// Two float64.
#define FADDD(M, N, D) OP3(0x4e60d400, M, N, D)
#define FSUBD(M, N, D) OP3(0x4ee0d400, M, N, D)
#define FMULD(M, N, D) OP3(0x6e60dc00, M, N, D)
#define FDIVD(M, N, D) OP3(0x6e60fc00, M, N, D)
#define FCVTLS(N, D) OP2(0x0e617800, N, D)
#define FCVTL2S(N, D) OP2(0x4e617800, N, D)
#define FCVTND(N, D) OP2(0x0e616800, N, D)
#define FCVTN2D(N, D) OP2(0x4e616800, N, D)
#define FADDPD(N, D) OP2(0x7e70d800, N, D)
#define FMIND(M, N, D) OP3(0x4ee0f400, M, N, D)
#define FMAXD(M, N, D) OP3(0x4e60f400, M, N, D)
#define ADDD(M, N, D) OP3(0x4ee08400, M, N, D)
#define SHLD(K, N, D) OP2(0x4f005400 | ((64+(K))<<16), N, D)
