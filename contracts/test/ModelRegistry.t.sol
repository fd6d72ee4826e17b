// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signed} from "./Signed.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";

/// @dev An account that is a contract and accepts one signature (ERC-1271).
contract Wallet {
    bytes32 private immutable accepted;

    constructor(bytes memory signature) {
        accepted = keccak256(signature);
    }

    function isValidSignature(bytes32, bytes calldata signature) external view returns (bytes4) {
        return keccak256(signature) == accepted ? this.isValidSignature.selector : bytes4(0);
    }
}

contract RegisterTest is Signed {
    function test_record_is_readable() public {
        ModelRegistry.Registration memory r = full("tiny");
        bytes memory signature = sign(AUTHOR_KEY, r);
        bytes32 id = registry.modelId(author, r.modelDigest);
        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.ModelRegistered(
            r.modelDigest, r.baseModelDigest, author, id, r.verdict, r.reportDigest, r.evidenceDigest
        );
        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.DatasetUsed(r.datasetDigests[0], r.modelDigest, author);
        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.DatasetUsed(r.datasetDigests[1], r.modelDigest, author);
        vm.prank(stranger); // a relayer pays, and is nobody
        eq(registry.register(r, signature), id);

        ModelRegistry.Model memory m = registry.getModel(id);
        eq(m.modelDigest, r.modelDigest);
        eq(m.baseModelDigest, r.baseModelDigest);
        eq(m.datasetDigests.length, 2);
        eq(m.datasetDigests[1], r.datasetDigests[1]);
        eq(m.gitCommit, r.gitCommit);
        eq(m.gitCommitLength, 20);
        eq(m.reportDigest, r.reportDigest);
        eq(m.reportCodec, 0x55);
        eq(m.evidenceDigest, r.evidenceDigest);
        eq(m.evidenceCodec, 0x70);
        eq(uint256(m.verdict), uint256(ModelRegistry.Verdict.Allow));
        eq(uint256(m.status), uint256(ModelRegistry.Status.Active));
        eq(m.name, "tiny");
        eq(m.author, author);
        eq(m.registrar, author);
        eq(m.registeredAt, 1_700_000_000);
        eq(m.blockNumber, 77);
        eq(m.revokedAt, 0);
        eq(m.supersededBy, 0);
        eq(keccak256(abi.encode(registry.getModelByDigest(r.modelDigest))), keccak256(abi.encode(m)));
    }

    function test_text_views() public {
        bytes32 id = register("tiny");
        eq(registry.modelSha256Hex(id), "8950abfda7b727630760dd35bcf5c3daa7631aff223a90f7728c0d2521dde10c");
        eq(registry.gitCommitHex(id), "0123456789012345678901234567890123456789");
        // sha256("report") and sha256("evidence") through an independent CID encoder
        eq(registry.reportCidString(id), "bafkreieel2iygeyz5coe2zll3oame6fmbgtsgdlb4xp5fynr7o2dnlejc4");
        eq(registry.evidenceCidString(id), "bafybeihoqjipw5xasszuwry7cott3o7fdunocqxj35m5pqgtd3ba6cqkry");
        eq(registry.datasetSha256Hex(id)[0], "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7");
        eq(registry.version(), "1");
    }

    function test_optional_fields_are_empty_text() public {
        ModelRegistry.Registration memory r = full("untested");
        r.baseModelDigest = 0;
        r.gitCommit = 0;
        r.gitCommitLength = 0;
        r.reportDigest = 0;
        r.reportCodec = 0;
        r.datasetDigests = new bytes32[](0);
        r.verdict = ModelRegistry.Verdict.Block;
        bytes32 id = registry.register(r, sign(AUTHOR_KEY, r));
        eq(registry.reportCidString(id), "");
        eq(registry.gitCommitHex(id), "");
        eq(registry.baseModelSha256Hex(id), "");
        eq(registry.datasetSha256Hex(id).length, 0);
    }

    function test_first_write_wins() public {
        bytes32 id = register("tiny");
        ModelRegistry.Registration memory r = full("tiny");
        r.verdict = ModelRegistry.Verdict.Block;
        bytes memory signature = sign(AUTHOR_KEY, r);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.AlreadyRegistered.selector, id, uint64(77)));
        registry.register(r, signature);
        eq(uint256(registry.getModel(id).verdict), uint256(ModelRegistry.Verdict.Allow));
    }

    function test_a_copycat_has_a_record_of_its_own() public {
        ModelRegistry.Registration memory r = full("tiny");
        r.author = r.registrar = stranger;
        registry.register(r, sign(STRANGER_KEY, r)); // before the author
        bytes32 id = register("tiny");
        eq(registry.getModelByDigest(r.modelDigest).author, author);
        eq(registry.getModel(id).author, author);
    }

    function test_replay_on_another_chain() public {
        ModelRegistry.Registration memory r = full("tiny");
        bytes memory signature = sign(AUTHOR_KEY, r);
        vm.chainId(999);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        registry.register(r, signature);
    }

    function test_replay_on_another_contract() public {
        ModelRegistry.Registration memory r = full("tiny");
        bytes memory signature = sign(AUTHOR_KEY, r);
        ModelRegistry other = new ModelRegistry(author);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        other.register(r, signature);
    }

    function test_malleable_signature() public {
        ModelRegistry.Registration memory r = full("tiny");
        bytes memory signature = sign(AUTHOR_KEY, r);
        (bytes32 x, bytes32 s, uint8 v) = (bytes32(0), bytes32(0), 0);
        assembly {
            x := mload(add(signature, 32))
            s := mload(add(signature, 64))
            v := byte(0, mload(add(signature, 96)))
        }
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory mirrored = abi.encodePacked(x, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        registry.register(r, mirrored);
    }

    function testFuzz_any_other_signature(bytes memory signature) public {
        ModelRegistry.Registration memory r = full("tiny");
        vm.assume(keccak256(signature) != keccak256(sign(AUTHOR_KEY, r)));
        vm.expectRevert();
        registry.register(r, signature);
    }

    function test_zero_author_cannot_register() public {
        ModelRegistry.Registration memory r = full("tiny");
        r.author = r.registrar = address(0);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, address(0)));
        registry.register(r, new bytes(65));
    }

    function test_wallet_contract_as_author() public {
        Wallet wallet = new Wallet("open sesame");
        ModelRegistry.Registration memory r = full("tiny");
        r.author = r.registrar = address(wallet);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, address(wallet)));
        registry.register(r, "open barley");
        registry.register(r, "open sesame");
    }

    function test_operator_is_required() public {
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.MissingField.selector, "operator"));
        new ModelRegistry(address(0));
        eq(registry.operator(), author);
    }
}

contract LimitsTest is Signed {
    function refused(ModelRegistry.Registration memory r, bytes memory why) internal {
        bytes memory signature = sign(AUTHOR_KEY, r);
        vm.expectRevert(why);
        registry.register(r, signature);
    }

    function missing(string memory field) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ModelRegistry.MissingField.selector, field);
    }

    function test_required_fields() public {
        ModelRegistry.Registration memory r = full("tiny");
        r.modelDigest = 0;
        refused(r, missing("modelDigest"));
        r = full("tiny");
        r.evidenceDigest = 0;
        refused(r, missing("evidenceDigest"));
        r = full("tiny");
        r.verdict = ModelRegistry.Verdict.None;
        refused(r, missing("verdict"));
        r = full("tiny");
        r.datasetDigests[1] = 0;
        refused(r, missing("datasetDigests"));
    }

    function test_own_base() public {
        ModelRegistry.Registration memory r = full("tiny");
        r.baseModelDigest = r.modelDigest;
        refused(r, abi.encodeWithSelector(ModelRegistry.OwnBase.selector, r.modelDigest));
    }

    function test_number_of_datasets() public {
        ModelRegistry.Registration memory r = full("tiny");
        r.datasetDigests = new bytes32[](17);
        refused(r, abi.encodeWithSelector(ModelRegistry.TooManyDatasets.selector, 17, 16));
        r.datasetDigests = new bytes32[](16);
        for (uint256 i = 0; i < 16; ++i) {
            r.datasetDigests[i] = bytes32(i + 1);
        }
        registry.register(r, sign(AUTHOR_KEY, r));
    }

    function test_length_of_name() public {
        ModelRegistry.Registration memory r = full("tiny");
        r.name = string(new bytes(65));
        refused(r, abi.encodeWithSelector(ModelRegistry.NameTooLong.selector, 65, 64));
        r.name = string(new bytes(64));
        registry.register(r, sign(AUTHOR_KEY, r));
    }

    function testFuzz_git_commit(bytes32 commit, uint8 length) public {
        ModelRegistry.Registration memory r = full("tiny");
        (r.gitCommit, r.gitCommitLength) = (commit, length);
        bool good = (length == 32 && commit != 0) || (length == 0 && commit == 0)
            || (length == 20 && commit != 0 && bytes32(bytes20(commit)) == commit);
        bytes memory signature = sign(AUTHOR_KEY, r);
        if (!good) vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadGitCommit.selector, commit, length));
        registry.register(r, signature);
    }

    function test_git_commit_lengths() public {
        testFuzz_git_commit(bytes32(type(uint256).max), 32);
        setUp();
        testFuzz_git_commit(bytes32(type(uint256).max), 20);
        testFuzz_git_commit(bytes32(0), 20);
        testFuzz_git_commit(bytes32(type(uint256).max), 0);
        testFuzz_git_commit(bytes32(type(uint256).max), 255);
        testFuzz_git_commit(bytes32(bytes20(type(uint160).max)), 20);
    }

    function testFuzz_codecs(uint8 report, uint8 evidence) public {
        ModelRegistry.Registration memory r = full("tiny");
        (r.reportCodec, r.evidenceCodec) = (report, evidence);
        bytes memory signature = sign(AUTHOR_KEY, r);
        if (report != 0x55 && report != 0x70) {
            vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadCodec.selector, r.reportDigest, report));
        } else if (evidence != 0x55 && evidence != 0x70) {
            vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadCodec.selector, r.evidenceDigest, evidence));
        }
        registry.register(r, signature);
    }

    function test_codec_without_report() public {
        ModelRegistry.Registration memory r = full("tiny");
        r.reportDigest = 0;
        refused(r, abi.encodeWithSelector(ModelRegistry.BadCodec.selector, bytes32(0), 0x55));
    }
}

contract RegistrarTest is Signed {
    function byRegistrar() internal view returns (ModelRegistry.Registration memory r) {
        r = full("tiny");
        r.registrar = registrar;
    }

    function test_only_while_authorized() public {
        ModelRegistry.Registration memory r = byRegistrar();
        bytes memory signature = sign(REGISTRAR_KEY, r);
        bytes memory why = abi.encodeWithSelector(ModelRegistry.NotAuthorized.selector, author, registrar);
        vm.expectRevert(why);
        registry.register(r, signature);

        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.RegistrarSet(author, registrar, true);
        allow(true, 0);
        yes(registry.isRegistrar(author, registrar));
        bytes32 id = registry.register(r, signature);
        eq(registry.getModel(id).author, author);
        eq(registry.getModel(id).registrar, registrar);

        allow(false, 1);
        bytes memory revocation = signRevocation(REGISTRAR_KEY, id, 0, registrar);
        vm.expectRevert(why);
        registry.revoke(id, 0, registrar, revocation);
    }

    function test_author_cannot_sign_as_registrar() public {
        allow(true, 0);
        ModelRegistry.Registration memory r = byRegistrar();
        bytes memory signature = sign(AUTHOR_KEY, r);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, registrar));
        registry.register(r, signature);
    }

    function test_grant_cannot_be_replayed() public {
        bytes memory grant = signGrant(AUTHOR_KEY, author, registrar, true, 0);
        registry.setRegistrar(author, registrar, true, 0, grant);
        allow(false, 1);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.WrongSequence.selector, uint64(2), uint64(0)));
        registry.setRegistrar(author, registrar, true, 0, grant);
    }

    function test_only_the_author_grants() public {
        allow(true, 0);
        bytes memory grant = signGrant(REGISTRAR_KEY, author, stranger, true, 1);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        registry.setRegistrar(author, stranger, true, 1, grant);
        grant = signGrant(AUTHOR_KEY, author, address(0), true, 1);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.MissingField.selector, "registrar"));
        registry.setRegistrar(author, address(0), true, 1, grant);
    }
}

contract AppendTest is Signed {
    function test_revoke() public {
        bytes32 id = register("tiny");
        bytes32 reason = sha256("reason");
        bytes memory signature = signRevocation(AUTHOR_KEY, id, reason, author);
        vm.warp(1_800_000_000);
        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.ModelRevoked(id, author, reason);
        vm.prank(stranger);
        registry.revoke(id, reason, author, signature);

        ModelRegistry.Model memory m = registry.getModel(id);
        eq(uint256(m.status), uint256(ModelRegistry.Status.Revoked));
        eq(m.revokedAt, 1_800_000_000);
        eq(m.evidenceDigest, sha256("evidence")); // nothing is erased
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.AlreadyRevoked.selector, id, uint64(1_800_000_000)));
        registry.revoke(id, reason, author, signature);
        ModelRegistry.Registration memory r = full("tiny");
        signature = sign(AUTHOR_KEY, r);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.AlreadyRegistered.selector, id, uint64(77)));
        registry.register(r, signature); // and nothing comes back
    }

    function test_strangers_revoke_nothing() public {
        bytes32 id = register("tiny");
        bytes memory signature = signRevocation(STRANGER_KEY, id, 0, stranger);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.NotAuthorized.selector, author, stranger));
        registry.revoke(id, 0, stranger, signature);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        registry.revoke(id, 0, author, signature);
        signature = signRevocation(AUTHOR_KEY, id, sha256("reason"), author);
        bytes32 anotherReason = sha256("another reason");
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        registry.revoke(id, anotherReason, author, signature);
    }

    function test_unknown() public {
        bytes memory why = abi.encodeWithSelector(ModelRegistry.UnknownModel.selector, bytes32(uint256(1)));
        vm.expectRevert(why);
        registry.revoke(bytes32(uint256(1)), 0, author, "");
        vm.expectRevert(why);
        registry.supersede(bytes32(uint256(1)), 0, author, "");
        vm.expectRevert(why);
        registry.getModel(bytes32(uint256(1)));
        vm.expectRevert(why);
        registry.lineage(bytes32(uint256(1)), 1);
        vm.expectRevert(why);
        registry.reportCidString(bytes32(uint256(1)));
    }

    function test_supersede() public {
        bytes32 older = register("tiny");
        bytes32 newer = register("tiny 2");
        bytes memory signature = signSupersession(AUTHOR_KEY, older, newer, author);
        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.ModelSuperseded(older, newer, author);
        registry.supersede(older, newer, author, signature);
        eq(registry.getModel(older).supersededBy, newer);
        eq(uint256(registry.getModel(older).status), uint256(ModelRegistry.Status.Active));
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.AlreadySuperseded.selector, older, newer));
        registry.supersede(older, newer, author, signature);
    }

    function test_bad_successors() public {
        bytes32 id = register("tiny");
        bytes memory signature = signSupersession(AUTHOR_KEY, id, id, author);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSuccessor.selector, id, id));
        registry.supersede(id, id, author, signature);

        ModelRegistry.Registration memory r = full("foreign");
        r.author = r.registrar = stranger;
        bytes32 foreign = registry.register(r, sign(STRANGER_KEY, r));
        signature = signSupersession(AUTHOR_KEY, id, foreign, author);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSuccessor.selector, id, foreign));
        registry.supersede(id, foreign, author, signature);

        bytes32 newer = register("tiny 2");
        signature = signSupersession(STRANGER_KEY, id, newer, author);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        registry.supersede(id, newer, author, signature);
    }
}

contract LineageTest is Signed {
    function chained(string memory name, string memory base, uint256 key) internal returns (bytes32) {
        ModelRegistry.Registration memory r = full(name);
        r.baseModelDigest = sha256(bytes(base));
        r.author = r.registrar = vm.addr(key);
        return registry.register(r, sign(key, r));
    }

    function test_walks_to_the_oldest_registered_base() public {
        chained("a", "unregistered", AUTHOR_KEY);
        chained("b", "a", AUTHOR_KEY);
        bytes32 id = chained("c", "b", AUTHOR_KEY);
        ModelRegistry.Model[] memory models = registry.lineage(id, 64);
        eq(models.length, 3);
        eq(models[0].name, "c");
        eq(models[2].name, "a");
        eq(registry.lineage(id, 2).length, 2);
        eq(registry.lineage(id, 0).length, 0);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.TooDeep.selector, 65, 64));
        registry.lineage(id, 65);
    }

    function test_falls_back_to_the_operator_and_to_nobody_else() public {
        chained("a", "unregistered", AUTHOR_KEY);
        eq(registry.lineage(chained("b", "a", STRANGER_KEY), 64).length, 2);
        chained("x", "unregistered", STRANGER_KEY);
        eq(registry.lineage(chained("y", "x", REGISTRAR_KEY), 64).length, 1);
    }

    function test_a_cycle_ends_at_the_depth() public {
        chained("a", "b", AUTHOR_KEY);
        eq(registry.lineage(chained("b", "a", AUTHOR_KEY), 64).length, 64);
    }
}

contract BatchTest is Signed {
    function batch() internal view returns (ModelRegistry.BatchAnchor memory) {
        return ModelRegistry.BatchAnchor(sha256("root"), 10_000, sha256("checkpoint"), author, author);
    }

    function test_anchor() public {
        ModelRegistry.BatchAnchor memory b = batch();
        bytes memory signature = sign(AUTHOR_KEY, b);
        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.BatchAnchored(b.root, author, 10_000, b.checkpointDigest);
        vm.prank(stranger);
        bytes32 id = registry.anchorBatch(b, signature);
        eq(id, registry.batchId(author, b.root));
        ModelRegistry.Batch memory got = registry.getBatch(author, b.root);
        eq(got.size, 10_000);
        eq(got.anchoredAt, 1_700_000_000);
        eq(got.blockNumber, 77);

        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.AlreadyAnchored.selector, id, uint64(77)));
        registry.anchorBatch(b, signature);
    }

    function test_roots_are_bound_to_their_author() public {
        ModelRegistry.BatchAnchor memory b = batch();
        bytes memory signature = sign(AUTHOR_KEY, b);
        b.author = b.registrar = stranger;
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, stranger));
        registry.anchorBatch(b, signature);
        registry.anchorBatch(b, sign(STRANGER_KEY, b)); // its own, which blocks nobody
        registry.anchorBatch(batch(), signature);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.UnknownBatch.selector, registrar, b.root));
        registry.getBatch(registrar, b.root);
    }

    function test_required_fields() public {
        ModelRegistry.BatchAnchor memory b = batch();
        b.root = 0;
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.MissingField.selector, "root"));
        registry.anchorBatch(b, "");
        b = batch();
        b.size = 0;
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.MissingField.selector, "size"));
        registry.anchorBatch(b, "");
        b = batch();
        b.checkpointDigest = 0;
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.MissingField.selector, "checkpointDigest"));
        registry.anchorBatch(b, "");
    }
}

contract KeyListTest is Signed {
    function list(uint64 sequence, string memory content) internal view returns (ModelRegistry.KeyListUpdate memory) {
        return ModelRegistry.KeyListUpdate(sequence, sha256(bytes(content)), sha256(bytes(content)), author, author);
    }

    function set(uint64 sequence, string memory content) internal {
        ModelRegistry.KeyListUpdate memory k = list(sequence, content);
        registry.setKeyList(k, sign(AUTHOR_KEY, k));
    }

    function test_history() public {
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.UnknownKeyList.selector, author, 0));
        registry.currentKeyList(author);
        vm.expectEmit(true, true, true, true);
        emit ModelRegistry.KeyListSet(author, sha256("one"), 0, sha256("one"));
        set(0, "one");
        vm.warp(1_800_000_000);
        set(1, "two");
        eq(registry.keyListCount(author), 2);
        eq(registry.keyListAt(author, 0).listDigest, sha256("one"));
        eq(registry.currentKeyList(author).listDigest, sha256("two"));
        eq(registry.currentKeyList(author).setAt, 1_800_000_000);
        eq(registry.keyListCidString(author, 0), "bafkreidwslb22nkaxoadyaqlhlxgntmiq4jdenhkbrxhcq6avxlt75br5u");
        eq(registry.keyListCount(stranger), 0);
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.UnknownKeyList.selector, author, 2));
        registry.keyListAt(author, 2);
    }

    function test_an_old_list_cannot_be_brought_back_by_others() public {
        ModelRegistry.KeyListUpdate memory k = list(0, "one");
        bytes memory signature = sign(AUTHOR_KEY, k);
        registry.setKeyList(k, signature);
        set(1, "two");
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.WrongSequence.selector, uint64(2), uint64(0)));
        registry.setKeyList(k, signature);
        k.sequence = 2;
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.BadSignature.selector, author));
        registry.setKeyList(k, signature);
    }

    function test_required_fields() public {
        ModelRegistry.KeyListUpdate memory k = list(0, "one");
        k.listDigest = 0;
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.MissingField.selector, "listDigest"));
        registry.setKeyList(k, "");
        k = list(0, "one");
        k.cidDigest = 0;
        vm.expectRevert(abi.encodeWithSelector(ModelRegistry.MissingField.selector, "cidDigest"));
        registry.setKeyList(k, "");
    }
}
