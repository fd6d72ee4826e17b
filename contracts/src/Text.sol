// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Text forms of digests
/// @notice Computed when read, so that a person sees in a block explorer what other tools print, at no storage cost.
library Text {
    bytes16 private constant HEX = "0123456789abcdef";
    bytes32 private constant BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

    /// @notice Returns the first `length` bytes of `value` as lower-case hexadecimal digits without a prefix.
    function hexDigits(bytes32 value, uint256 length) internal pure returns (string memory) {
        bytes memory out = new bytes(2 * length);
        for (uint256 i = 0; i < length; ++i) {
            uint8 b = uint8(value[i]);
            out[2 * i] = HEX[b >> 4];
            out[2 * i + 1] = HEX[b & 15];
        }
        return string(out);
    }

    /// @notice Returns the CIDv1 of a SHA-256 digest in base32 (multibase prefix "b"), as IPFS tools print it.
    /// @param digest SHA-256 of the block.
    /// @param codec Multicodec of the block: 0x55 raw bytes, 0x70 dag-pb.
    function cid(bytes32 digest, uint8 codec) internal pure returns (string memory) {
        // version 1, codec, multihash code of SHA-256 (0x12), its length (0x20), digest: 36 bytes, 58 base32 digits
        bytes memory raw = abi.encodePacked(uint8(1), codec, uint16(0x1220), digest);
        bytes memory out = new bytes(59);
        out[0] = "b";
        uint256 buffer = 0;
        uint256 bits = 0;
        uint256 next = 1;
        for (uint256 i = 0; i < raw.length; ++i) {
            buffer = ((buffer << 8) | uint8(raw[i])) & 0xffff;
            bits += 8;
            while (bits >= 5) {
                bits -= 5;
                out[next++] = BASE32[(buffer >> bits) & 31];
            }
        }
        out[next] = BASE32[(buffer << (5 - bits)) & 31]; // 288 = 57 * 5 + 3: the last digit holds three bits
        return string(out);
    }
}
