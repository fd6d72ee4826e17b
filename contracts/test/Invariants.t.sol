// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signed} from "./Signed.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";

/// @dev Does random things to a registry, by both authors, and remembers what each first write said.
contract Actor is Signed {
    bytes32[] public ids;
    mapping(bytes32 id => bytes32) public firstWrite;
    mapping(bytes32 id => bool) public revoked;
    mapping(bytes32 id => bytes32) public successor;
    bytes32[] public lists;
    bytes32[] public roots;
    mapping(bytes32 root => uint64) public sizes;

    constructor(ModelRegistry registry_) {
        registry = registry_;
    }

    function setUp() public override {}

    function registerOne(uint8 name, bool other, uint8 verdict) external {
        uint256 key = other ? STRANGER_KEY : AUTHOR_KEY;
        ModelRegistry.Registration memory r = full(string(abi.encodePacked(name % 16)));
        r.verdict = ModelRegistry.Verdict(1 + verdict % 4);
        r.author = r.registrar = vm.addr(key);
        bytes32 id = registry.register(r, sign(key, r)); // reverts if there is one
        ids.push(id);
        firstWrite[id] = fingerprint(registry.getModel(id));
    }

    function revokeOne(uint256 which, bool other) external {
        bytes32 id = ids[which % ids.length];
        uint256 key = other ? STRANGER_KEY : AUTHOR_KEY;
        registry.revoke(id, 0, vm.addr(key), signRevocation(key, id, 0, vm.addr(key)));
        yes(registry.getModel(id).author == vm.addr(key)); // it got here, so it was its author
        revoked[id] = true;
    }

    function supersedeOne(uint256 which, uint256 by, bool other) external {
        (bytes32 id, bytes32 newer) = (ids[which % ids.length], ids[by % ids.length]);
        uint256 key = other ? STRANGER_KEY : AUTHOR_KEY;
        registry.supersede(id, newer, vm.addr(key), signSupersession(key, id, newer, vm.addr(key)));
        yes(registry.getModel(id).author == registry.getModel(newer).author);
        successor[id] = newer;
    }

    function setList(uint8 content) external {
        bytes32 digest = keccak256(abi.encode(content));
        ModelRegistry.KeyListUpdate memory k =
            ModelRegistry.KeyListUpdate(uint64(lists.length), digest, digest, author, author);
        registry.setKeyList(k, sign(AUTHOR_KEY, k));
        lists.push(digest);
    }

    function anchor(uint8 root, uint64 size) external {
        bytes32 digest = keccak256(abi.encode(root));
        ModelRegistry.BatchAnchor memory b = ModelRegistry.BatchAnchor(digest, size, digest, author, author);
        registry.anchorBatch(b, sign(AUTHOR_KEY, b));
        roots.push(digest);
        yes(sizes[digest] == 0); // a second write does not get here
        sizes[digest] = size;
    }

    /// @dev Everything of a record that nobody may change.
    function fingerprint(ModelRegistry.Model memory m) public pure returns (bytes32) {
        m.status = ModelRegistry.Status.Unknown;
        m.revokedAt = 0;
        m.supersededBy = 0;
        return keccak256(abi.encode(m));
    }

    function counts() external view returns (uint256, uint256, uint256) {
        return (ids.length, lists.length, roots.length);
    }
}

contract InvariantTest is Signed {
    Actor internal actor;

    function setUp() public override {
        super.setUp();
        actor = new Actor(registry);
    }

    /// @dev The runner calls random functions of these contracts.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actor);
    }

    function invariant_records_only_grow() public view {
        (uint256 models,,) = actor.counts();
        for (uint256 i = 0; i < models; ++i) {
            bytes32 id = actor.ids(i);
            ModelRegistry.Model memory m = registry.getModel(id);
            yes((m.status == ModelRegistry.Status.Revoked) == actor.revoked(id));
            yes((m.revokedAt != 0) == actor.revoked(id));
            eq(m.supersededBy, actor.successor(id));
            eq(registry.modelId(m.author, m.modelDigest), id);
            eq(actor.fingerprint(m), actor.firstWrite(id));
        }
    }

    function invariant_key_lists_only_grow() public view {
        (, uint256 lists,) = actor.counts();
        eq(registry.keyListCount(author), lists);
        for (uint256 i = 0; i < lists; ++i) {
            eq(registry.keyListAt(author, i).listDigest, actor.lists(i));
        }
    }

    function invariant_batches_keep_their_size() public view {
        (,, uint256 roots) = actor.counts();
        for (uint256 i = 0; i < roots; ++i) {
            eq(registry.getBatch(author, actor.roots(i)).size, actor.sizes(actor.roots(i)));
        }
    }
}
