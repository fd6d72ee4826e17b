// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Text} from "./Text.sol";

/// @title Hallmark model registry
/// @notice Append-only record of tested machine-learning model versions, of the batches of evidence behind them, and of
/// the lists of keys that sign such evidence.
/// @dev There is no administrator, no proxy and no way to change or delete a record. An author speaks for its own
/// records alone: every entry carries an EIP-712 signature, by the author or by a registrar that the author authorized,
/// so anybody may send the transaction and pay for it. The first write of an entry wins, and entries are bound to their
/// author, so a copied transaction can neither claim nor block the entry of somebody else.
contract ModelRegistry is EIP712 {
    /// @notice Outcome of the policy that judged a version.
    enum Verdict {
        None,
        Allow,
        Block,
        Challenge,
        Undecided
    }

    /// @notice State of a record. A superseded record stays active: it is still true, only no longer the newest.
    enum Status {
        Unknown,
        Active,
        Revoked
    }

    /// @notice What an author states about one model version.
    struct Registration {
        bytes32 modelDigest; // SHA-256 of the file, or dirHash of the directory
        bytes32 baseModelDigest; // the model it was made from; zero if none
        bytes32[] datasetDigests; // at most MAX_DATASETS
        bytes32 gitCommit; // commit of the training script, left-aligned; zero if none
        uint8 gitCommitLength; // bytes of gitCommit: 0 none, 20 SHA-1, 32 SHA-256
        bytes32 reportDigest; // SHA-256 in the CID of the sandbox report; zero if the version was refused untested
        uint8 reportCodec; // multicodec of that CID: 0x55 raw, 0x70 dag-pb, 0 if none
        bytes32 evidenceDigest; // SHA-256 in the CID of the manifest that names every signed bundle
        uint8 evidenceCodec; // multicodec of that CID: 0x55 raw, 0x70 dag-pb
        Verdict verdict;
        string name; // informational, at most MAX_NAME bytes
        address author; // whose record this is
        address registrar; // who signs: the author, or a registrar that it authorized
    }

    /// @notice A registered version as it can be read back.
    struct Model {
        bytes32 modelDigest;
        bytes32 baseModelDigest;
        bytes32 gitCommit;
        bytes32 reportDigest;
        bytes32 evidenceDigest;
        address author;
        uint64 registeredAt; // Unix seconds of the block
        uint8 gitCommitLength;
        uint8 reportCodec;
        uint8 evidenceCodec;
        Verdict verdict;
        address registrar;
        uint64 blockNumber; // where the ModelRegistered event is
        Status status;
        uint64 revokedAt; // Unix seconds; zero while active
        bytes32 supersededBy; // id of the successor; zero if none
        bytes32[] datasetDigests;
        string name;
    }

    /// @notice One checkpoint of an author's transparency log.
    struct BatchAnchor {
        bytes32 root; // RFC 6962 tree head
        uint64 size; // leaves in the tree
        bytes32 checkpointDigest; // SHA-256 of the signed checkpoint text; its CID has codec raw
        address author;
        address registrar;
    }

    /// @notice An anchored batch as it can be read back; its checkpoint digest is in the BatchAnchored event.
    struct Batch {
        uint64 size;
        uint64 anchoredAt; // Unix seconds of the block
        uint64 blockNumber;
    }

    /// @notice The next key list of an author.
    struct KeyListUpdate {
        uint64 sequence; // number of lists that the author has set before
        bytes32 listDigest; // SHA-256 of the key list
        bytes32 cidDigest; // SHA-256 in the CID under which it is stored; codec raw
        address author;
        address registrar;
    }

    /// @notice A key list as it can be read back.
    struct KeyList {
        bytes32 listDigest;
        bytes32 cidDigest;
        uint64 setAt; // Unix seconds of the block
        uint64 blockNumber;
    }

    /// @notice Most data sets of one registration.
    uint256 public constant MAX_DATASETS = 16;
    /// @notice Most bytes of a registration's name.
    uint256 public constant MAX_NAME = 64;
    /// @notice Most records that lineage returns.
    uint256 public constant MAX_DEPTH = 64;

    bytes32 private constant REGISTRATION_TYPE = keccak256(
        "Registration(bytes32 modelDigest,bytes32 baseModelDigest,bytes32[] datasetDigests,bytes32 gitCommit,uint8 gitCommitLength,bytes32 reportDigest,uint8 reportCodec,bytes32 evidenceDigest,uint8 evidenceCodec,uint8 verdict,string name,address author,address registrar)"
    );
    bytes32 private constant REVOCATION_TYPE =
        keccak256("Revocation(bytes32 id,bytes32 reasonDigest,address registrar)");
    bytes32 private constant SUPERSESSION_TYPE = keccak256("Supersession(bytes32 id,bytes32 successor,address registrar)");
    bytes32 private constant BATCH_TYPE =
        keccak256("BatchAnchor(bytes32 root,uint64 size,bytes32 checkpointDigest,address author,address registrar)");
    bytes32 private constant KEY_LIST_TYPE =
        keccak256("KeyListUpdate(uint64 sequence,bytes32 listDigest,bytes32 cidDigest,address author,address registrar)");
    bytes32 private constant GRANT_TYPE =
        keccak256("RegistrarGrant(address author,address registrar,bool allowed,uint64 sequence)");

    /// @notice The author whose records this deployment was made for: getModelByDigest and lineage fall back to it.
    /// It has no power over the records of others.
    address public immutable operator;

    mapping(bytes32 id => Model) private models;
    mapping(bytes32 id => Batch) private batches;
    mapping(address author => KeyList[]) private keyLists;

    /// @notice Whether `registrar` may sign for `author`.
    mapping(address author => mapping(address registrar => bool)) public isRegistrar;
    /// @notice Number of grants and withdrawals that `author` has made: the sequence of its next one.
    mapping(address author => uint64) public grantCount;

    /// @notice A version was registered.
    /// @param modelDigest SHA-256 of the file, or dirHash of the directory.
    /// @param baseModelDigest The model it was made from; zero if none.
    /// @param author Whose record it is.
    /// @param id Key of the record for getModel.
    /// @param verdict Outcome of the policy.
    /// @param reportDigest SHA-256 in the CID of the sandbox report.
    /// @param evidenceDigest SHA-256 in the CID of the evidence manifest.
    event ModelRegistered(
        bytes32 indexed modelDigest,
        bytes32 indexed baseModelDigest,
        address indexed author,
        bytes32 id,
        Verdict verdict,
        bytes32 reportDigest,
        bytes32 evidenceDigest
    );

    /// @notice A registered version was made from a data set: one event per data set.
    /// @param datasetDigest SHA-256 of the file, or dirHash of the directory.
    /// @param modelDigest The version's digest.
    /// @param author Whose record it is.
    event DatasetUsed(bytes32 indexed datasetDigest, bytes32 indexed modelDigest, address indexed author);

    /// @notice A record was revoked. It stays readable.
    /// @param id Key of the record.
    /// @param author Whose record it is.
    /// @param reasonDigest SHA-256 in the CID (codec raw) of the signed reason; zero if none.
    event ModelRevoked(bytes32 indexed id, address indexed author, bytes32 reasonDigest);

    /// @notice A record got a successor.
    /// @param id Key of the record.
    /// @param successor Key of the record that takes its place.
    /// @param author Whose records they are.
    event ModelSuperseded(bytes32 indexed id, bytes32 indexed successor, address indexed author);

    /// @notice A checkpoint of an author's transparency log was anchored.
    /// @param root RFC 6962 tree head.
    /// @param author Whose log it is.
    /// @param size Leaves in the tree.
    /// @param checkpointDigest SHA-256 in the CID (codec raw) of the signed checkpoint.
    event BatchAnchored(bytes32 indexed root, address indexed author, uint64 size, bytes32 checkpointDigest);

    /// @notice An author published its next key list.
    /// @param author Whose keys they are.
    /// @param listDigest SHA-256 of the list.
    /// @param sequence Number of lists before it.
    /// @param cidDigest SHA-256 in the CID (codec raw) of the list.
    event KeyListSet(address indexed author, bytes32 indexed listDigest, uint64 sequence, bytes32 cidDigest);

    /// @notice An author authorized a registrar, or withdrew that.
    /// @param author Who is spoken for.
    /// @param registrar Who may sign for it.
    /// @param allowed True for a grant, false for a withdrawal.
    event RegistrarSet(address indexed author, address indexed registrar, bool allowed);

    /// @notice A field that has to be set is zero.
    error MissingField(string field);
    /// @notice A registration names more data sets than MAX_DATASETS.
    error TooManyDatasets(uint256 given, uint256 limit);
    /// @notice A name is longer than MAX_NAME bytes.
    error NameTooLong(uint256 given, uint256 limit);
    /// @notice A git commit is neither 20 nor 32 bytes long, or has bits set beyond its length.
    error BadGitCommit(bytes32 gitCommit, uint8 length);
    /// @notice A CID's codec is neither 0x55 (raw) nor 0x70 (dag-pb), or does not go with the digest.
    error BadCodec(bytes32 digest, uint8 codec);
    /// @notice A model names itself as its base.
    error OwnBase(bytes32 modelDigest);
    /// @notice The author has registered this digest before, in the given block.
    error AlreadyRegistered(bytes32 id, uint64 blockNumber);
    /// @notice No record has this key.
    error UnknownModel(bytes32 id);
    /// @notice The record was revoked before.
    error AlreadyRevoked(bytes32 id, uint64 revokedAt);
    /// @notice The record has a successor.
    error AlreadySuperseded(bytes32 id, bytes32 successor);
    /// @notice The successor is the record itself, or belongs to another author.
    error BadSuccessor(bytes32 id, bytes32 successor);
    /// @notice The author has anchored this root before, in the given block.
    error AlreadyAnchored(bytes32 id, uint64 blockNumber);
    /// @notice No batch of this author has this root.
    error UnknownBatch(address author, bytes32 root);
    /// @notice The author has no key list with this number.
    error UnknownKeyList(address author, uint256 index);
    /// @notice The signed sequence is not the next one.
    error WrongSequence(uint64 expected, uint64 given);
    /// @notice The signer is neither the author nor a registrar that the author authorized.
    error NotAuthorized(address author, address registrar);
    /// @notice The signature is not one of the registrar over these values, this contract and this chain.
    error BadSignature(address registrar);
    /// @notice More records asked for than MAX_DEPTH.
    error TooDeep(uint256 given, uint256 limit);

    /// @param operator_ The author whose records this deployment is made for.
    constructor(address operator_) EIP712("Hallmark ModelRegistry", "1") {
        if (operator_ == address(0)) revert MissingField("operator");
        operator = operator_;
    }

    /// @notice Registers a model version for its author.
    /// @param r The record.
    /// @param signature EIP-712 signature of r.registrar over r.
    /// @return id Key of the record: modelId(r.author, r.modelDigest).
    function register(Registration calldata r, bytes calldata signature) external returns (bytes32 id) {
        _check(r);
        id = modelId(r.author, r.modelDigest);
        Model storage m = models[id];
        if (m.status != Status.Unknown) revert AlreadyRegistered(id, m.blockNumber);
        _authenticate(r.author, r.registrar, _hash(r), signature);

        m.modelDigest = r.modelDigest;
        m.baseModelDigest = r.baseModelDigest;
        m.gitCommit = r.gitCommit;
        m.reportDigest = r.reportDigest;
        m.evidenceDigest = r.evidenceDigest;
        m.author = r.author;
        m.registeredAt = uint64(block.timestamp);
        m.gitCommitLength = r.gitCommitLength;
        m.reportCodec = r.reportCodec;
        m.evidenceCodec = r.evidenceCodec;
        m.verdict = r.verdict;
        m.registrar = r.registrar;
        m.blockNumber = uint64(block.number);
        m.status = Status.Active;
        m.datasetDigests = r.datasetDigests;
        m.name = r.name;
        emit ModelRegistered(
            r.modelDigest, r.baseModelDigest, r.author, id, r.verdict, r.reportDigest, r.evidenceDigest
        );
        for (uint256 i = 0; i < r.datasetDigests.length; ++i) {
            emit DatasetUsed(r.datasetDigests[i], r.modelDigest, r.author);
        }
    }

    /// @notice Revokes a record of the signer's author, for ever.
    /// @param id Key of the record.
    /// @param reasonDigest SHA-256 in the CID (codec raw) of the signed reason; zero if none.
    /// @param registrar Who signs: the record's author, or a registrar that it authorized.
    /// @param signature EIP-712 signature of the registrar.
    function revoke(bytes32 id, bytes32 reasonDigest, address registrar, bytes calldata signature) external {
        Model storage m = _known(id);
        if (m.status == Status.Revoked) revert AlreadyRevoked(id, m.revokedAt);
        _authenticate(
            m.author, registrar, keccak256(abi.encode(REVOCATION_TYPE, id, reasonDigest, registrar)), signature
        );
        m.status = Status.Revoked;
        m.revokedAt = uint64(block.timestamp);
        emit ModelRevoked(id, m.author, reasonDigest);
    }

    /// @notice Names the record that takes the place of an older one of the same author. Can be said once.
    /// @param id Key of the older record.
    /// @param successor Key of the newer record.
    /// @param registrar Who signs: the records' author, or a registrar that it authorized.
    /// @param signature EIP-712 signature of the registrar.
    function supersede(bytes32 id, bytes32 successor, address registrar, bytes calldata signature) external {
        Model storage m = _known(id);
        if (m.supersededBy != 0) revert AlreadySuperseded(id, m.supersededBy);
        if (id == successor || _known(successor).author != m.author) revert BadSuccessor(id, successor);
        _authenticate(
            m.author, registrar, keccak256(abi.encode(SUPERSESSION_TYPE, id, successor, registrar)), signature
        );
        m.supersededBy = successor;
        emit ModelSuperseded(id, successor, m.author);
    }

    /// @notice Anchors a checkpoint of an author's transparency log.
    /// @param b The checkpoint.
    /// @param signature EIP-712 signature of b.registrar over b.
    /// @return id Key of the batch: batchId(b.author, b.root).
    function anchorBatch(BatchAnchor calldata b, bytes calldata signature) external returns (bytes32 id) {
        if (b.root == 0) revert MissingField("root");
        if (b.size == 0) revert MissingField("size");
        if (b.checkpointDigest == 0) revert MissingField("checkpointDigest");
        id = batchId(b.author, b.root);
        if (batches[id].blockNumber != 0) revert AlreadyAnchored(id, batches[id].blockNumber);
        _authenticate(
            b.author,
            b.registrar,
            keccak256(abi.encode(BATCH_TYPE, b.root, b.size, b.checkpointDigest, b.author, b.registrar)),
            signature
        );
        batches[id] = Batch(b.size, uint64(block.timestamp), uint64(block.number));
        emit BatchAnchored(b.root, b.author, b.size, b.checkpointDigest);
    }

    /// @notice Publishes the next key list of an author. Earlier lists stay readable.
    /// @param k The list; k.sequence is keyListCount(k.author).
    /// @param signature EIP-712 signature of k.registrar over k.
    function setKeyList(KeyListUpdate calldata k, bytes calldata signature) external {
        if (k.listDigest == 0) revert MissingField("listDigest");
        if (k.cidDigest == 0) revert MissingField("cidDigest");
        KeyList[] storage lists = keyLists[k.author];
        if (k.sequence != lists.length) revert WrongSequence(uint64(lists.length), k.sequence);
        _authenticate(
            k.author,
            k.registrar,
            keccak256(abi.encode(KEY_LIST_TYPE, k.sequence, k.listDigest, k.cidDigest, k.author, k.registrar)),
            signature
        );
        lists.push(KeyList(k.listDigest, k.cidDigest, uint64(block.timestamp), uint64(block.number)));
        emit KeyListSet(k.author, k.listDigest, k.sequence, k.cidDigest);
    }

    /// @notice Lets a registrar sign for an author, or withdraws that. Only the author itself can sign this.
    /// @param author Who is spoken for, and who signs.
    /// @param registrar Who may sign for it.
    /// @param allowed True to grant, false to withdraw.
    /// @param sequence grantCount(author): a signature is good once.
    /// @param signature EIP-712 signature of the author.
    function setRegistrar(address author, address registrar, bool allowed, uint64 sequence, bytes calldata signature)
        external
    {
        if (registrar == address(0)) revert MissingField("registrar");
        if (sequence != grantCount[author]) revert WrongSequence(grantCount[author], sequence);
        _authenticate(
            author, author, keccak256(abi.encode(GRANT_TYPE, author, registrar, allowed, sequence)), signature
        );
        grantCount[author] = sequence + 1;
        isRegistrar[author][registrar] = allowed;
        emit RegistrarSet(author, registrar, allowed);
    }

    /// @notice Version of this contract's interface and meaning.
    function version() external pure returns (string memory) {
        return "1";
    }

    /// @notice Key of an author's record of a digest.
    function modelId(address author, bytes32 modelDigest) public pure returns (bytes32) {
        return keccak256(abi.encode("model", author, modelDigest));
    }

    /// @notice Key of an author's batch with a root.
    function batchId(address author, bytes32 root) public pure returns (bytes32) {
        return keccak256(abi.encode("batch", author, root));
    }

    /// @notice Returns a record.
    /// @param id Key of the record.
    function getModel(bytes32 id) external view returns (Model memory) {
        return _known(id);
    }

    /// @notice Returns the operator's record of a digest.
    /// @param modelDigest SHA-256 of the file, or dirHash of the directory.
    function getModelByDigest(bytes32 modelDigest) external view returns (Model memory) {
        return _known(modelId(operator, modelDigest));
    }

    /// @notice Returns a record and the records of the models it was made from, newest first, as far as they are
    /// registered by the same author or by the operator.
    /// @param id Key of the newest record.
    /// @param depth Most records to return, up to MAX_DEPTH.
    function lineage(bytes32 id, uint256 depth) external view returns (Model[] memory chain) {
        if (depth > MAX_DEPTH) revert TooDeep(depth, MAX_DEPTH);
        _known(id);
        uint256 length = 0;
        for (bytes32 record = id; length < depth && record != 0; record = _base(record)) ++length;
        chain = new Model[](length);
        bytes32 next = id;
        for (uint256 i = 0; i < length; ++i) {
            chain[i] = models[next];
            next = _base(next);
        }
    }

    /// @notice Returns a batch.
    /// @param author Whose log it is.
    /// @param root RFC 6962 tree head.
    function getBatch(address author, bytes32 root) external view returns (Batch memory b) {
        b = batches[batchId(author, root)];
        if (b.blockNumber == 0) revert UnknownBatch(author, root);
    }

    /// @notice Number of key lists that an author has published.
    function keyListCount(address author) external view returns (uint256) {
        return keyLists[author].length;
    }

    /// @notice Returns one of an author's key lists.
    /// @param author Whose keys they are.
    /// @param index 0 for the oldest.
    function keyListAt(address author, uint256 index) public view returns (KeyList memory) {
        if (index >= keyLists[author].length) revert UnknownKeyList(author, index);
        return keyLists[author][index];
    }

    /// @notice Returns an author's current key list.
    function currentKeyList(address author) external view returns (KeyList memory) {
        uint256 count = keyLists[author].length;
        if (count == 0) revert UnknownKeyList(author, 0);
        return keyLists[author][count - 1];
    }

    /// @notice The model's digest as 64 hexadecimal digits.
    function modelSha256Hex(bytes32 id) external view returns (string memory) {
        return Text.hexDigits(_known(id).modelDigest, 32);
    }

    /// @notice The base model's digest as 64 hexadecimal digits; empty if there is none.
    function baseModelSha256Hex(bytes32 id) external view returns (string memory) {
        bytes32 base = _known(id).baseModelDigest;
        return base == 0 ? "" : Text.hexDigits(base, 32);
    }

    /// @notice The data sets' digests as 64 hexadecimal digits each.
    function datasetSha256Hex(bytes32 id) external view returns (string[] memory digests) {
        bytes32[] storage raw = _known(id).datasetDigests;
        digests = new string[](raw.length);
        for (uint256 i = 0; i < raw.length; ++i) {
            digests[i] = Text.hexDigits(raw[i], 32);
        }
    }

    /// @notice The git commit as 40 or 64 hexadecimal digits; empty if there is none.
    function gitCommitHex(bytes32 id) external view returns (string memory) {
        Model storage m = _known(id);
        return Text.hexDigits(m.gitCommit, m.gitCommitLength);
    }

    /// @notice The CID of the sandbox report; empty if there is none.
    function reportCidString(bytes32 id) external view returns (string memory) {
        Model storage m = _known(id);
        return m.reportDigest == 0 ? "" : Text.cid(m.reportDigest, m.reportCodec);
    }

    /// @notice The CID of the manifest that names every signed bundle about the version.
    function evidenceCidString(bytes32 id) external view returns (string memory) {
        Model storage m = _known(id);
        return Text.cid(m.evidenceDigest, m.evidenceCodec);
    }

    /// @notice The CID of one of an author's key lists.
    function keyListCidString(address author, uint256 index) external view returns (string memory) {
        return Text.cid(keyListAt(author, index).cidDigest, 0x55);
    }

    /// @dev The record that `id` names as its base, or zero if that is not registered.
    function _base(bytes32 id) private view returns (bytes32 base) {
        Model storage m = models[id];
        if (m.baseModelDigest == 0) return 0;
        base = modelId(m.author, m.baseModelDigest);
        if (models[base].status != Status.Unknown) return base;
        base = modelId(operator, m.baseModelDigest);
        if (models[base].status == Status.Unknown) return 0;
    }

    function _known(bytes32 id) private view returns (Model storage m) {
        m = models[id];
        if (m.status == Status.Unknown) revert UnknownModel(id);
    }

    function _check(Registration calldata r) private pure {
        if (r.modelDigest == 0) revert MissingField("modelDigest");
        if (r.evidenceDigest == 0) revert MissingField("evidenceDigest");
        if (r.verdict == Verdict.None) revert MissingField("verdict");
        if (r.modelDigest == r.baseModelDigest) revert OwnBase(r.modelDigest);
        if (r.datasetDigests.length > MAX_DATASETS) revert TooManyDatasets(r.datasetDigests.length, MAX_DATASETS);
        if (bytes(r.name).length > MAX_NAME) revert NameTooLong(bytes(r.name).length, MAX_NAME);
        for (uint256 i = 0; i < r.datasetDigests.length; ++i) {
            if (r.datasetDigests[i] == 0) revert MissingField("datasetDigests");
        }
        if (
            (r.gitCommitLength != 0 && r.gitCommitLength != 20 && r.gitCommitLength != 32)
                || (r.gitCommitLength != 32 && r.gitCommit << (8 * r.gitCommitLength) != 0)
                || (r.gitCommitLength != 0 && r.gitCommit == 0)
        ) revert BadGitCommit(r.gitCommit, r.gitCommitLength);
        if (r.reportDigest == 0 ? r.reportCodec != 0 : !_isCodec(r.reportCodec)) {
            revert BadCodec(r.reportDigest, r.reportCodec);
        }
        if (!_isCodec(r.evidenceCodec)) revert BadCodec(r.evidenceDigest, r.evidenceCodec);
    }

    function _isCodec(uint8 codec) private pure returns (bool) {
        return codec == 0x55 || codec == 0x70;
    }

    function _hash(Registration calldata r) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                REGISTRATION_TYPE,
                r.modelDigest,
                r.baseModelDigest,
                keccak256(abi.encodePacked(r.datasetDigests)),
                r.gitCommit,
                r.gitCommitLength,
                r.reportDigest,
                r.reportCodec,
                r.evidenceDigest,
                r.evidenceCodec,
                r.verdict,
                keccak256(bytes(r.name)),
                r.author,
                r.registrar
            )
        );
    }

    /// @dev Accepts the registrar's signature if the registrar may sign for the author. The zero address has no key, so
    /// it is refused as author or registrar by the signature check.
    function _authenticate(address author, address registrar, bytes32 structHash, bytes calldata signature)
        private
        view
    {
        if (registrar != author && !isRegistrar[author][registrar]) revert NotAuthorized(author, registrar);
        if (!SignatureChecker.isValidSignatureNowCalldata(registrar, _hashTypedDataV4(structHash), signature)) {
            revert BadSignature(registrar);
        }
    }
}
