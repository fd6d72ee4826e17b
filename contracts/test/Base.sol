// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The cheat codes of the test runner that these tests use.
interface Vm {
    function addr(uint256 privateKey) external pure returns (address);
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function chainId(uint256 id) external;
    function expectRevert(bytes calldata data) external;
    function expectRevert() external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data) external;
    function assume(bool condition) external pure;
    function etch(address target, bytes calldata code) external;
}

/// @dev The little that the tests need of a test library.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NotEqual(bytes got, bytes want);

    function eq(bytes32 got, bytes32 want) internal pure {
        if (got != want) revert NotEqual(abi.encode(got), abi.encode(want));
    }

    function eq(uint256 got, uint256 want) internal pure {
        if (got != want) revert NotEqual(abi.encode(got), abi.encode(want));
    }

    function eq(address got, address want) internal pure {
        if (got != want) revert NotEqual(abi.encode(got), abi.encode(want));
    }

    function eq(string memory got, string memory want) internal pure {
        if (keccak256(bytes(got)) != keccak256(bytes(want))) revert NotEqual(bytes(got), bytes(want));
    }

    function yes(bool condition) internal pure {
        if (!condition) revert NotEqual("false", "true");
    }
}
