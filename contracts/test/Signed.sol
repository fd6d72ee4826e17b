// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";

/// @dev Records and signatures as a client makes them. The type strings are written out again on purpose: a change in
/// the contract alone must fail.
abstract contract Signed is Base {
    uint256 internal constant AUTHOR_KEY = 0xA11CE;
    uint256 internal constant REGISTRAR_KEY = 0xB0B;
    uint256 internal constant STRANGER_KEY = 0xBAD;

    ModelRegistry internal registry;
    address internal author = vm.addr(AUTHOR_KEY);
    address internal registrar = vm.addr(REGISTRAR_KEY);
    address internal stranger = vm.addr(STRANGER_KEY);

    function setUp() public virtual {
        registry = new ModelRegistry(author);
        vm.warp(1_700_000_000);
        vm.roll(77);
    }

    function full(string memory name) internal view returns (ModelRegistry.Registration memory r) {
        r.modelDigest = sha256(bytes(name));
        r.baseModelDigest = sha256("base");
        r.datasetDigests = new bytes32[](2);
        r.datasetDigests[0] = sha256("data");
        r.datasetDigests[1] = sha256("more data");
        r.gitCommit = bytes32(bytes20(0x0123456789012345678901234567890123456789));
        r.gitCommitLength = 20;
        r.reportDigest = sha256("report");
        r.reportCodec = 0x55;
        r.evidenceDigest = sha256("evidence");
        r.evidenceCodec = 0x70;
        r.verdict = ModelRegistry.Verdict.Allow;
        r.name = name;
        r.author = author;
        r.registrar = author;
    }

    function seal(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Hallmark ModelRegistry"),
                keccak256("1"),
                block.chainid,
                address(registry)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function sign(uint256 key, ModelRegistry.Registration memory r) internal view returns (bytes memory) {
        bytes memory head = abi.encode(
            keccak256(
                "Registration(bytes32 modelDigest,bytes32 baseModelDigest,bytes32[] datasetDigests,bytes32 gitCommit,uint8 gitCommitLength,bytes32 reportDigest,uint8 reportCodec,bytes32 evidenceDigest,uint8 evidenceCodec,uint8 verdict,string name,address author,address registrar)"
            ),
            r.modelDigest,
            r.baseModelDigest,
            keccak256(abi.encodePacked(r.datasetDigests)),
            r.gitCommit,
            r.gitCommitLength,
            r.reportDigest
        );
        bytes memory tail = abi.encode(
            r.reportCodec, r.evidenceDigest, r.evidenceCodec, r.verdict, keccak256(bytes(r.name)), r.author, r.registrar
        );
        return seal(key, keccak256(bytes.concat(head, tail)));
    }

    function sign(uint256 key, ModelRegistry.BatchAnchor memory b) internal view returns (bytes memory) {
        return seal(
            key,
            keccak256(
                abi.encode(
                    keccak256(
                        "BatchAnchor(bytes32 root,uint64 size,bytes32 checkpointDigest,address author,address registrar)"
                    ),
                    b.root,
                    b.size,
                    b.checkpointDigest,
                    b.author,
                    b.registrar
                )
            )
        );
    }

    function sign(uint256 key, ModelRegistry.KeyListUpdate memory k) internal view returns (bytes memory) {
        return seal(
            key,
            keccak256(
                abi.encode(
                    keccak256(
                        "KeyListUpdate(uint64 sequence,bytes32 listDigest,bytes32 cidDigest,address author,address registrar)"
                    ),
                    k.sequence,
                    k.listDigest,
                    k.cidDigest,
                    k.author,
                    k.registrar
                )
            )
        );
    }

    function signRevocation(uint256 key, bytes32 id, bytes32 reason, address by) internal view returns (bytes memory) {
        return seal(
            key,
            keccak256(abi.encode(keccak256("Revocation(bytes32 id,bytes32 reasonDigest,address registrar)"), id, reason, by))
        );
    }

    function signSupersession(uint256 key, bytes32 id, bytes32 successor, address by)
        internal
        view
        returns (bytes memory)
    {
        return seal(
            key,
            keccak256(
                abi.encode(keccak256("Supersession(bytes32 id,bytes32 successor,address registrar)"), id, successor, by)
            )
        );
    }

    function signGrant(uint256 key, address from, address to, bool allowed, uint64 sequence)
        internal
        view
        returns (bytes memory)
    {
        return seal(
            key,
            keccak256(
                abi.encode(
                    keccak256("RegistrarGrant(address author,address registrar,bool allowed,uint64 sequence)"),
                    from,
                    to,
                    allowed,
                    sequence
                )
            )
        );
    }

    function register(string memory name) internal returns (bytes32) {
        ModelRegistry.Registration memory r = full(name);
        return registry.register(r, sign(AUTHOR_KEY, r));
    }

    function allow(bool allowed, uint64 sequence) internal {
        registry.setRegistrar(
            author, registrar, allowed, sequence, signGrant(AUTHOR_KEY, author, registrar, allowed, sequence)
        );
    }
}
