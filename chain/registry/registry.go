// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package registry

import (
	"bytes"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Reference imports to suppress errors if they are not otherwise used.
var (
	_ = bytes.Equal
	_ = errors.New
	_ = big.NewInt
	_ = common.Big1
	_ = types.BloomLookup
	_ = abi.ConvertType
)

// ModelRegistryBatch is an auto generated low-level Go binding around an user-defined struct.
type ModelRegistryBatch struct {
	Size        uint64
	AnchoredAt  uint64
	BlockNumber uint64
}

// ModelRegistryBatchAnchor is an auto generated low-level Go binding around an user-defined struct.
type ModelRegistryBatchAnchor struct {
	Root             [32]byte
	Size             uint64
	CheckpointDigest [32]byte
	Author           common.Address
	Registrar        common.Address
}

// ModelRegistryKeyList is an auto generated low-level Go binding around an user-defined struct.
type ModelRegistryKeyList struct {
	ListDigest  [32]byte
	CidDigest   [32]byte
	SetAt       uint64
	BlockNumber uint64
}

// ModelRegistryKeyListUpdate is an auto generated low-level Go binding around an user-defined struct.
type ModelRegistryKeyListUpdate struct {
	Sequence   uint64
	ListDigest [32]byte
	CidDigest  [32]byte
	Author     common.Address
	Registrar  common.Address
}

// ModelRegistryModel is an auto generated low-level Go binding around an user-defined struct.
type ModelRegistryModel struct {
	ModelDigest     [32]byte
	BaseModelDigest [32]byte
	GitCommit       [32]byte
	ReportDigest    [32]byte
	EvidenceDigest  [32]byte
	Author          common.Address
	RegisteredAt    uint64
	GitCommitLength uint8
	ReportCodec     uint8
	EvidenceCodec   uint8
	Verdict         uint8
	Registrar       common.Address
	BlockNumber     uint64
	Status          uint8
	RevokedAt       uint64
	SupersededBy    [32]byte
	DatasetDigests  [][32]byte
	Name            string
}

// ModelRegistryRegistration is an auto generated low-level Go binding around an user-defined struct.
type ModelRegistryRegistration struct {
	ModelDigest     [32]byte
	BaseModelDigest [32]byte
	DatasetDigests  [][32]byte
	GitCommit       [32]byte
	GitCommitLength uint8
	ReportDigest    [32]byte
	ReportCodec     uint8
	EvidenceDigest  [32]byte
	EvidenceCodec   uint8
	Verdict         uint8
	Name            string
	Author          common.Address
	Registrar       common.Address
}

// RegistryMetaData contains all meta data concerning the Registry contract.
var RegistryMetaData = bind.MetaData{
	ABI: "[{\"inputs\":[{\"internalType\":\"address\",\"name\":\"operator_\",\"type\":\"address\"}],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"}],\"name\":\"AlreadyAnchored\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"}],\"name\":\"AlreadyRegistered\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"revokedAt\",\"type\":\"uint64\"}],\"name\":\"AlreadyRevoked\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"successor\",\"type\":\"bytes32\"}],\"name\":\"AlreadySuperseded\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"},{\"internalType\":\"uint8\",\"name\":\"codec\",\"type\":\"uint8\"}],\"name\":\"BadCodec\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"gitCommit\",\"type\":\"bytes32\"},{\"internalType\":\"uint8\",\"name\":\"length\",\"type\":\"uint8\"}],\"name\":\"BadGitCommit\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"}],\"name\":\"BadSignature\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"successor\",\"type\":\"bytes32\"}],\"name\":\"BadSuccessor\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"InvalidShortString\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"field\",\"type\":\"string\"}],\"name\":\"MissingField\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"given\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"limit\",\"type\":\"uint256\"}],\"name\":\"NameTooLong\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"}],\"name\":\"NotAuthorized\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"}],\"name\":\"OwnBase\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"str\",\"type\":\"string\"}],\"name\":\"StringTooLong\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"given\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"limit\",\"type\":\"uint256\"}],\"name\":\"TooDeep\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"given\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"limit\",\"type\":\"uint256\"}],\"name\":\"TooManyDatasets\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"}],\"name\":\"UnknownBatch\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"UnknownKeyList\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"UnknownModel\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"expected\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"given\",\"type\":\"uint64\"}],\"name\":\"WrongSequence\",\"type\":\"error\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"checkpointDigest\",\"type\":\"bytes32\"}],\"name\":\"BatchAnchored\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"datasetDigest\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"}],\"name\":\"DatasetUsed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"EIP712DomainChanged\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"listDigest\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"cidDigest\",\"type\":\"bytes32\"}],\"name\":\"KeyListSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"baseModelDigest\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"enumModelRegistry.Verdict\",\"name\":\"verdict\",\"type\":\"uint8\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"reportDigest\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"evidenceDigest\",\"type\":\"bytes32\"}],\"name\":\"ModelRegistered\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"reasonDigest\",\"type\":\"bytes32\"}],\"name\":\"ModelRevoked\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"successor\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"}],\"name\":\"ModelSuperseded\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"bool\",\"name\":\"allowed\",\"type\":\"bool\"}],\"name\":\"RegistrarSet\",\"type\":\"event\"},{\"inputs\":[],\"name\":\"MAX_DATASETS\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"MAX_DEPTH\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"MAX_NAME\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"checkpointDigest\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"}],\"internalType\":\"structModelRegistry.BatchAnchor\",\"name\":\"b\",\"type\":\"tuple\"},{\"internalType\":\"bytes\",\"name\":\"signature\",\"type\":\"bytes\"}],\"name\":\"anchorBatch\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"baseModelSha256Hex\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"\",\"type\":\"string\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"}],\"name\":\"batchId\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"}],\"name\":\"currentKeyList\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"listDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"cidDigest\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"setAt\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"}],\"internalType\":\"structModelRegistry.KeyList\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"datasetSha256Hex\",\"outputs\":[{\"internalType\":\"string[]\",\"name\":\"digests\",\"type\":\"string[]\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"eip712Domain\",\"outputs\":[{\"internalType\":\"bytes1\",\"name\":\"fields\",\"type\":\"bytes1\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"},{\"internalType\":\"uint256\",\"name\":\"chainId\",\"type\":\"uint256\"},{\"internalType\":\"address\",\"name\":\"verifyingContract\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"},{\"internalType\":\"uint256[]\",\"name\":\"extensions\",\"type\":\"uint256[]\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"evidenceCidString\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"\",\"type\":\"string\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"}],\"name\":\"getBatch\",\"outputs\":[{\"components\":[{\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"anchoredAt\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"}],\"internalType\":\"structModelRegistry.Batch\",\"name\":\"b\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"getModel\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"baseModelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"gitCommit\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"reportDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"evidenceDigest\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"registeredAt\",\"type\":\"uint64\"},{\"internalType\":\"uint8\",\"name\":\"gitCommitLength\",\"type\":\"uint8\"},{\"internalType\":\"uint8\",\"name\":\"reportCodec\",\"type\":\"uint8\"},{\"internalType\":\"uint8\",\"name\":\"evidenceCodec\",\"type\":\"uint8\"},{\"internalType\":\"enumModelRegistry.Verdict\",\"name\":\"verdict\",\"type\":\"uint8\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"enumModelRegistry.Status\",\"name\":\"status\",\"type\":\"uint8\"},{\"internalType\":\"uint64\",\"name\":\"revokedAt\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"supersededBy\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"datasetDigests\",\"type\":\"bytes32[]\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"}],\"internalType\":\"structModelRegistry.Model\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"}],\"name\":\"getModelByDigest\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"baseModelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"gitCommit\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"reportDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"evidenceDigest\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"registeredAt\",\"type\":\"uint64\"},{\"internalType\":\"uint8\",\"name\":\"gitCommitLength\",\"type\":\"uint8\"},{\"internalType\":\"uint8\",\"name\":\"reportCodec\",\"type\":\"uint8\"},{\"internalType\":\"uint8\",\"name\":\"evidenceCodec\",\"type\":\"uint8\"},{\"internalType\":\"enumModelRegistry.Verdict\",\"name\":\"verdict\",\"type\":\"uint8\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"enumModelRegistry.Status\",\"name\":\"status\",\"type\":\"uint8\"},{\"internalType\":\"uint64\",\"name\":\"revokedAt\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"supersededBy\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"datasetDigests\",\"type\":\"bytes32[]\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"}],\"internalType\":\"structModelRegistry.Model\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"gitCommitHex\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"\",\"type\":\"string\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"}],\"name\":\"grantCount\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"}],\"name\":\"isRegistrar\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"keyListAt\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"listDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"cidDigest\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"setAt\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"}],\"internalType\":\"structModelRegistry.KeyList\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"keyListCidString\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"\",\"type\":\"string\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"}],\"name\":\"keyListCount\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint256\",\"name\":\"depth\",\"type\":\"uint256\"}],\"name\":\"lineage\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"baseModelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"gitCommit\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"reportDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"evidenceDigest\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"registeredAt\",\"type\":\"uint64\"},{\"internalType\":\"uint8\",\"name\":\"gitCommitLength\",\"type\":\"uint8\"},{\"internalType\":\"uint8\",\"name\":\"reportCodec\",\"type\":\"uint8\"},{\"internalType\":\"uint8\",\"name\":\"evidenceCodec\",\"type\":\"uint8\"},{\"internalType\":\"enumModelRegistry.Verdict\",\"name\":\"verdict\",\"type\":\"uint8\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"enumModelRegistry.Status\",\"name\":\"status\",\"type\":\"uint8\"},{\"internalType\":\"uint64\",\"name\":\"revokedAt\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"supersededBy\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"datasetDigests\",\"type\":\"bytes32[]\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"}],\"internalType\":\"structModelRegistry.Model[]\",\"name\":\"chain\",\"type\":\"tuple[]\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"}],\"name\":\"modelId\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"modelSha256Hex\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"\",\"type\":\"string\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"operator\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"modelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"baseModelDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"datasetDigests\",\"type\":\"bytes32[]\"},{\"internalType\":\"bytes32\",\"name\":\"gitCommit\",\"type\":\"bytes32\"},{\"internalType\":\"uint8\",\"name\":\"gitCommitLength\",\"type\":\"uint8\"},{\"internalType\":\"bytes32\",\"name\":\"reportDigest\",\"type\":\"bytes32\"},{\"internalType\":\"uint8\",\"name\":\"reportCodec\",\"type\":\"uint8\"},{\"internalType\":\"bytes32\",\"name\":\"evidenceDigest\",\"type\":\"bytes32\"},{\"internalType\":\"uint8\",\"name\":\"evidenceCodec\",\"type\":\"uint8\"},{\"internalType\":\"enumModelRegistry.Verdict\",\"name\":\"verdict\",\"type\":\"uint8\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"}],\"internalType\":\"structModelRegistry.Registration\",\"name\":\"r\",\"type\":\"tuple\"},{\"internalType\":\"bytes\",\"name\":\"signature\",\"type\":\"bytes\"}],\"name\":\"register\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"reportCidString\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"\",\"type\":\"string\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"reasonDigest\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"},{\"internalType\":\"bytes\",\"name\":\"signature\",\"type\":\"bytes\"}],\"name\":\"revoke\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"listDigest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"cidDigest\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"}],\"internalType\":\"structModelRegistry.KeyListUpdate\",\"name\":\"k\",\"type\":\"tuple\"},{\"internalType\":\"bytes\",\"name\":\"signature\",\"type\":\"bytes\"}],\"name\":\"setKeyList\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"author\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"},{\"internalType\":\"bool\",\"name\":\"allowed\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"bytes\",\"name\":\"signature\",\"type\":\"bytes\"}],\"name\":\"setRegistrar\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"successor\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"registrar\",\"type\":\"address\"},{\"internalType\":\"bytes\",\"name\":\"signature\",\"type\":\"bytes\"}],\"name\":\"supersede\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"version\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"\",\"type\":\"string\"}],\"stateMutability\":\"pure\",\"type\":\"function\"}]",
	ID:  "Registry",
}

// Registry is an auto generated Go binding around an Ethereum contract.
type Registry struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *Registry) GetABI() abi.ABI {
	return c.abi
}

// NewRegistry creates a new instance of Registry.
func NewRegistry() *Registry {
	parsed, err := RegistryMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &Registry{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *Registry) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(address operator_) returns()
func (registry *Registry) PackConstructor(operator_ common.Address) []byte {
	enc, err := registry.abi.Pack("", operator_)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackMAXDATASETS is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc6a0cfe9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function MAX_DATASETS() view returns(uint256)
func (registry *Registry) PackMAXDATASETS() []byte {
	enc, err := registry.abi.Pack("MAX_DATASETS")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMAXDATASETS is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc6a0cfe9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function MAX_DATASETS() view returns(uint256)
func (registry *Registry) TryPackMAXDATASETS() ([]byte, error) {
	return registry.abi.Pack("MAX_DATASETS")
}

// UnpackMAXDATASETS is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xc6a0cfe9.
//
// Solidity: function MAX_DATASETS() view returns(uint256)
func (registry *Registry) UnpackMAXDATASETS(data []byte) (*big.Int, error) {
	out, err := registry.abi.Unpack("MAX_DATASETS", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackMAXDEPTH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa27154ba.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function MAX_DEPTH() view returns(uint256)
func (registry *Registry) PackMAXDEPTH() []byte {
	enc, err := registry.abi.Pack("MAX_DEPTH")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMAXDEPTH is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa27154ba.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function MAX_DEPTH() view returns(uint256)
func (registry *Registry) TryPackMAXDEPTH() ([]byte, error) {
	return registry.abi.Pack("MAX_DEPTH")
}

// UnpackMAXDEPTH is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa27154ba.
//
// Solidity: function MAX_DEPTH() view returns(uint256)
func (registry *Registry) UnpackMAXDEPTH(data []byte) (*big.Int, error) {
	out, err := registry.abi.Unpack("MAX_DEPTH", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackMAXNAME is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x756bf254.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function MAX_NAME() view returns(uint256)
func (registry *Registry) PackMAXNAME() []byte {
	enc, err := registry.abi.Pack("MAX_NAME")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMAXNAME is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x756bf254.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function MAX_NAME() view returns(uint256)
func (registry *Registry) TryPackMAXNAME() ([]byte, error) {
	return registry.abi.Pack("MAX_NAME")
}

// UnpackMAXNAME is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x756bf254.
//
// Solidity: function MAX_NAME() view returns(uint256)
func (registry *Registry) UnpackMAXNAME(data []byte) (*big.Int, error) {
	out, err := registry.abi.Unpack("MAX_NAME", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackAnchorBatch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xab93ea51.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function anchorBatch((bytes32,uint64,bytes32,address,address) b, bytes signature) returns(bytes32 id)
func (registry *Registry) PackAnchorBatch(b ModelRegistryBatchAnchor, signature []byte) []byte {
	enc, err := registry.abi.Pack("anchorBatch", b, signature)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAnchorBatch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xab93ea51.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function anchorBatch((bytes32,uint64,bytes32,address,address) b, bytes signature) returns(bytes32 id)
func (registry *Registry) TryPackAnchorBatch(b ModelRegistryBatchAnchor, signature []byte) ([]byte, error) {
	return registry.abi.Pack("anchorBatch", b, signature)
}

// UnpackAnchorBatch is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xab93ea51.
//
// Solidity: function anchorBatch((bytes32,uint64,bytes32,address,address) b, bytes signature) returns(bytes32 id)
func (registry *Registry) UnpackAnchorBatch(data []byte) ([32]byte, error) {
	out, err := registry.abi.Unpack("anchorBatch", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackBaseModelSha256Hex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01f689be.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function baseModelSha256Hex(bytes32 id) view returns(string)
func (registry *Registry) PackBaseModelSha256Hex(id [32]byte) []byte {
	enc, err := registry.abi.Pack("baseModelSha256Hex", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBaseModelSha256Hex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01f689be.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function baseModelSha256Hex(bytes32 id) view returns(string)
func (registry *Registry) TryPackBaseModelSha256Hex(id [32]byte) ([]byte, error) {
	return registry.abi.Pack("baseModelSha256Hex", id)
}

// UnpackBaseModelSha256Hex is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x01f689be.
//
// Solidity: function baseModelSha256Hex(bytes32 id) view returns(string)
func (registry *Registry) UnpackBaseModelSha256Hex(data []byte) (string, error) {
	out, err := registry.abi.Unpack("baseModelSha256Hex", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackBatchId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf761acf3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function batchId(address author, bytes32 root) pure returns(bytes32)
func (registry *Registry) PackBatchId(author common.Address, root [32]byte) []byte {
	enc, err := registry.abi.Pack("batchId", author, root)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBatchId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf761acf3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function batchId(address author, bytes32 root) pure returns(bytes32)
func (registry *Registry) TryPackBatchId(author common.Address, root [32]byte) ([]byte, error) {
	return registry.abi.Pack("batchId", author, root)
}

// UnpackBatchId is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf761acf3.
//
// Solidity: function batchId(address author, bytes32 root) pure returns(bytes32)
func (registry *Registry) UnpackBatchId(data []byte) ([32]byte, error) {
	out, err := registry.abi.Unpack("batchId", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackCurrentKeyList is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbbe76ac7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function currentKeyList(address author) view returns((bytes32,bytes32,uint64,uint64))
func (registry *Registry) PackCurrentKeyList(author common.Address) []byte {
	enc, err := registry.abi.Pack("currentKeyList", author)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCurrentKeyList is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbbe76ac7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function currentKeyList(address author) view returns((bytes32,bytes32,uint64,uint64))
func (registry *Registry) TryPackCurrentKeyList(author common.Address) ([]byte, error) {
	return registry.abi.Pack("currentKeyList", author)
}

// UnpackCurrentKeyList is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xbbe76ac7.
//
// Solidity: function currentKeyList(address author) view returns((bytes32,bytes32,uint64,uint64))
func (registry *Registry) UnpackCurrentKeyList(data []byte) (ModelRegistryKeyList, error) {
	out, err := registry.abi.Unpack("currentKeyList", data)
	if err != nil {
		return *new(ModelRegistryKeyList), err
	}
	out0 := *abi.ConvertType(out[0], new(ModelRegistryKeyList)).(*ModelRegistryKeyList)
	return out0, nil
}

// PackDatasetSha256Hex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbdd595a3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function datasetSha256Hex(bytes32 id) view returns(string[] digests)
func (registry *Registry) PackDatasetSha256Hex(id [32]byte) []byte {
	enc, err := registry.abi.Pack("datasetSha256Hex", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDatasetSha256Hex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbdd595a3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function datasetSha256Hex(bytes32 id) view returns(string[] digests)
func (registry *Registry) TryPackDatasetSha256Hex(id [32]byte) ([]byte, error) {
	return registry.abi.Pack("datasetSha256Hex", id)
}

// UnpackDatasetSha256Hex is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xbdd595a3.
//
// Solidity: function datasetSha256Hex(bytes32 id) view returns(string[] digests)
func (registry *Registry) UnpackDatasetSha256Hex(data []byte) ([]string, error) {
	out, err := registry.abi.Unpack("datasetSha256Hex", data)
	if err != nil {
		return *new([]string), err
	}
	out0 := *abi.ConvertType(out[0], new([]string)).(*[]string)
	return out0, nil
}

// PackEip712Domain is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x84b0196e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function eip712Domain() view returns(bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)
func (registry *Registry) PackEip712Domain() []byte {
	enc, err := registry.abi.Pack("eip712Domain")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEip712Domain is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x84b0196e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function eip712Domain() view returns(bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)
func (registry *Registry) TryPackEip712Domain() ([]byte, error) {
	return registry.abi.Pack("eip712Domain")
}

// Eip712DomainOutput serves as a container for the return parameters of contract
// method Eip712Domain.
type Eip712DomainOutput struct {
	Fields            [1]byte
	Name              string
	Version           string
	ChainId           *big.Int
	VerifyingContract common.Address
	Salt              [32]byte
	Extensions        []*big.Int
}

// UnpackEip712Domain is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x84b0196e.
//
// Solidity: function eip712Domain() view returns(bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)
func (registry *Registry) UnpackEip712Domain(data []byte) (Eip712DomainOutput, error) {
	out, err := registry.abi.Unpack("eip712Domain", data)
	outstruct := new(Eip712DomainOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Fields = *abi.ConvertType(out[0], new([1]byte)).(*[1]byte)
	outstruct.Name = *abi.ConvertType(out[1], new(string)).(*string)
	outstruct.Version = *abi.ConvertType(out[2], new(string)).(*string)
	outstruct.ChainId = abi.ConvertType(out[3], new(big.Int)).(*big.Int)
	outstruct.VerifyingContract = *abi.ConvertType(out[4], new(common.Address)).(*common.Address)
	outstruct.Salt = *abi.ConvertType(out[5], new([32]byte)).(*[32]byte)
	outstruct.Extensions = *abi.ConvertType(out[6], new([]*big.Int)).(*[]*big.Int)
	return *outstruct, nil
}

// PackEvidenceCidString is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfd9f000d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function evidenceCidString(bytes32 id) view returns(string)
func (registry *Registry) PackEvidenceCidString(id [32]byte) []byte {
	enc, err := registry.abi.Pack("evidenceCidString", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEvidenceCidString is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfd9f000d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function evidenceCidString(bytes32 id) view returns(string)
func (registry *Registry) TryPackEvidenceCidString(id [32]byte) ([]byte, error) {
	return registry.abi.Pack("evidenceCidString", id)
}

// UnpackEvidenceCidString is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xfd9f000d.
//
// Solidity: function evidenceCidString(bytes32 id) view returns(string)
func (registry *Registry) UnpackEvidenceCidString(data []byte) (string, error) {
	out, err := registry.abi.Unpack("evidenceCidString", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackGetBatch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0c538532.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function getBatch(address author, bytes32 root) view returns((uint64,uint64,uint64) b)
func (registry *Registry) PackGetBatch(author common.Address, root [32]byte) []byte {
	enc, err := registry.abi.Pack("getBatch", author, root)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGetBatch is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0c538532.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function getBatch(address author, bytes32 root) view returns((uint64,uint64,uint64) b)
func (registry *Registry) TryPackGetBatch(author common.Address, root [32]byte) ([]byte, error) {
	return registry.abi.Pack("getBatch", author, root)
}

// UnpackGetBatch is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0c538532.
//
// Solidity: function getBatch(address author, bytes32 root) view returns((uint64,uint64,uint64) b)
func (registry *Registry) UnpackGetBatch(data []byte) (ModelRegistryBatch, error) {
	out, err := registry.abi.Unpack("getBatch", data)
	if err != nil {
		return *new(ModelRegistryBatch), err
	}
	out0 := *abi.ConvertType(out[0], new(ModelRegistryBatch)).(*ModelRegistryBatch)
	return out0, nil
}

// PackGetModel is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x21e7c498.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function getModel(bytes32 id) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string))
func (registry *Registry) PackGetModel(id [32]byte) []byte {
	enc, err := registry.abi.Pack("getModel", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGetModel is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x21e7c498.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function getModel(bytes32 id) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string))
func (registry *Registry) TryPackGetModel(id [32]byte) ([]byte, error) {
	return registry.abi.Pack("getModel", id)
}

// UnpackGetModel is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x21e7c498.
//
// Solidity: function getModel(bytes32 id) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string))
func (registry *Registry) UnpackGetModel(data []byte) (ModelRegistryModel, error) {
	out, err := registry.abi.Unpack("getModel", data)
	if err != nil {
		return *new(ModelRegistryModel), err
	}
	out0 := *abi.ConvertType(out[0], new(ModelRegistryModel)).(*ModelRegistryModel)
	return out0, nil
}

// PackGetModelByDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x537dcebd.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function getModelByDigest(bytes32 modelDigest) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string))
func (registry *Registry) PackGetModelByDigest(modelDigest [32]byte) []byte {
	enc, err := registry.abi.Pack("getModelByDigest", modelDigest)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGetModelByDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x537dcebd.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function getModelByDigest(bytes32 modelDigest) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string))
func (registry *Registry) TryPackGetModelByDigest(modelDigest [32]byte) ([]byte, error) {
	return registry.abi.Pack("getModelByDigest", modelDigest)
}

// UnpackGetModelByDigest is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x537dcebd.
//
// Solidity: function getModelByDigest(bytes32 modelDigest) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string))
func (registry *Registry) UnpackGetModelByDigest(data []byte) (ModelRegistryModel, error) {
	out, err := registry.abi.Unpack("getModelByDigest", data)
	if err != nil {
		return *new(ModelRegistryModel), err
	}
	out0 := *abi.ConvertType(out[0], new(ModelRegistryModel)).(*ModelRegistryModel)
	return out0, nil
}

// PackGitCommitHex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x530f5d6f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function gitCommitHex(bytes32 id) view returns(string)
func (registry *Registry) PackGitCommitHex(id [32]byte) []byte {
	enc, err := registry.abi.Pack("gitCommitHex", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGitCommitHex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x530f5d6f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function gitCommitHex(bytes32 id) view returns(string)
func (registry *Registry) TryPackGitCommitHex(id [32]byte) ([]byte, error) {
	return registry.abi.Pack("gitCommitHex", id)
}

// UnpackGitCommitHex is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x530f5d6f.
//
// Solidity: function gitCommitHex(bytes32 id) view returns(string)
func (registry *Registry) UnpackGitCommitHex(data []byte) (string, error) {
	out, err := registry.abi.Unpack("gitCommitHex", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackGrantCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x08596918.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function grantCount(address author) view returns(uint64)
func (registry *Registry) PackGrantCount(author common.Address) []byte {
	enc, err := registry.abi.Pack("grantCount", author)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGrantCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x08596918.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function grantCount(address author) view returns(uint64)
func (registry *Registry) TryPackGrantCount(author common.Address) ([]byte, error) {
	return registry.abi.Pack("grantCount", author)
}

// UnpackGrantCount is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x08596918.
//
// Solidity: function grantCount(address author) view returns(uint64)
func (registry *Registry) UnpackGrantCount(data []byte) (uint64, error) {
	out, err := registry.abi.Unpack("grantCount", data)
	if err != nil {
		return *new(uint64), err
	}
	out0 := *abi.ConvertType(out[0], new(uint64)).(*uint64)
	return out0, nil
}

// PackIsRegistrar is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xef5d39d3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isRegistrar(address author, address registrar) view returns(bool)
func (registry *Registry) PackIsRegistrar(author common.Address, registrar common.Address) []byte {
	enc, err := registry.abi.Pack("isRegistrar", author, registrar)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsRegistrar is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xef5d39d3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isRegistrar(address author, address registrar) view returns(bool)
func (registry *Registry) TryPackIsRegistrar(author common.Address, registrar common.Address) ([]byte, error) {
	return registry.abi.Pack("isRegistrar", author, registrar)
}

// UnpackIsRegistrar is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xef5d39d3.
//
// Solidity: function isRegistrar(address author, address registrar) view returns(bool)
func (registry *Registry) UnpackIsRegistrar(data []byte) (bool, error) {
	out, err := registry.abi.Unpack("isRegistrar", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackKeyListAt is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x02bdcb87.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function keyListAt(address author, uint256 index) view returns((bytes32,bytes32,uint64,uint64))
func (registry *Registry) PackKeyListAt(author common.Address, index *big.Int) []byte {
	enc, err := registry.abi.Pack("keyListAt", author, index)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackKeyListAt is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x02bdcb87.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function keyListAt(address author, uint256 index) view returns((bytes32,bytes32,uint64,uint64))
func (registry *Registry) TryPackKeyListAt(author common.Address, index *big.Int) ([]byte, error) {
	return registry.abi.Pack("keyListAt", author, index)
}

// UnpackKeyListAt is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x02bdcb87.
//
// Solidity: function keyListAt(address author, uint256 index) view returns((bytes32,bytes32,uint64,uint64))
func (registry *Registry) UnpackKeyListAt(data []byte) (ModelRegistryKeyList, error) {
	out, err := registry.abi.Unpack("keyListAt", data)
	if err != nil {
		return *new(ModelRegistryKeyList), err
	}
	out0 := *abi.ConvertType(out[0], new(ModelRegistryKeyList)).(*ModelRegistryKeyList)
	return out0, nil
}

// PackKeyListCidString is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa9190206.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function keyListCidString(address author, uint256 index) view returns(string)
func (registry *Registry) PackKeyListCidString(author common.Address, index *big.Int) []byte {
	enc, err := registry.abi.Pack("keyListCidString", author, index)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackKeyListCidString is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa9190206.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function keyListCidString(address author, uint256 index) view returns(string)
func (registry *Registry) TryPackKeyListCidString(author common.Address, index *big.Int) ([]byte, error) {
	return registry.abi.Pack("keyListCidString", author, index)
}

// UnpackKeyListCidString is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa9190206.
//
// Solidity: function keyListCidString(address author, uint256 index) view returns(string)
func (registry *Registry) UnpackKeyListCidString(data []byte) (string, error) {
	out, err := registry.abi.Unpack("keyListCidString", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackKeyListCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8f879991.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function keyListCount(address author) view returns(uint256)
func (registry *Registry) PackKeyListCount(author common.Address) []byte {
	enc, err := registry.abi.Pack("keyListCount", author)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackKeyListCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8f879991.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function keyListCount(address author) view returns(uint256)
func (registry *Registry) TryPackKeyListCount(author common.Address) ([]byte, error) {
	return registry.abi.Pack("keyListCount", author)
}

// UnpackKeyListCount is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8f879991.
//
// Solidity: function keyListCount(address author) view returns(uint256)
func (registry *Registry) UnpackKeyListCount(data []byte) (*big.Int, error) {
	out, err := registry.abi.Unpack("keyListCount", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackLineage is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb7f04b83.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function lineage(bytes32 id, uint256 depth) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string)[] chain)
func (registry *Registry) PackLineage(id [32]byte, depth *big.Int) []byte {
	enc, err := registry.abi.Pack("lineage", id, depth)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackLineage is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb7f04b83.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function lineage(bytes32 id, uint256 depth) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string)[] chain)
func (registry *Registry) TryPackLineage(id [32]byte, depth *big.Int) ([]byte, error) {
	return registry.abi.Pack("lineage", id, depth)
}

// UnpackLineage is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb7f04b83.
//
// Solidity: function lineage(bytes32 id, uint256 depth) view returns((bytes32,bytes32,bytes32,bytes32,bytes32,address,uint64,uint8,uint8,uint8,uint8,address,uint64,uint8,uint64,bytes32,bytes32[],string)[] chain)
func (registry *Registry) UnpackLineage(data []byte) ([]ModelRegistryModel, error) {
	out, err := registry.abi.Unpack("lineage", data)
	if err != nil {
		return *new([]ModelRegistryModel), err
	}
	out0 := *abi.ConvertType(out[0], new([]ModelRegistryModel)).(*[]ModelRegistryModel)
	return out0, nil
}

// PackModelId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x066ed494.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function modelId(address author, bytes32 modelDigest) pure returns(bytes32)
func (registry *Registry) PackModelId(author common.Address, modelDigest [32]byte) []byte {
	enc, err := registry.abi.Pack("modelId", author, modelDigest)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackModelId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x066ed494.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function modelId(address author, bytes32 modelDigest) pure returns(bytes32)
func (registry *Registry) TryPackModelId(author common.Address, modelDigest [32]byte) ([]byte, error) {
	return registry.abi.Pack("modelId", author, modelDigest)
}

// UnpackModelId is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x066ed494.
//
// Solidity: function modelId(address author, bytes32 modelDigest) pure returns(bytes32)
func (registry *Registry) UnpackModelId(data []byte) ([32]byte, error) {
	out, err := registry.abi.Unpack("modelId", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackModelSha256Hex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc1a8b03.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function modelSha256Hex(bytes32 id) view returns(string)
func (registry *Registry) PackModelSha256Hex(id [32]byte) []byte {
	enc, err := registry.abi.Pack("modelSha256Hex", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackModelSha256Hex is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc1a8b03.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function modelSha256Hex(bytes32 id) view returns(string)
func (registry *Registry) TryPackModelSha256Hex(id [32]byte) ([]byte, error) {
	return registry.abi.Pack("modelSha256Hex", id)
}

// UnpackModelSha256Hex is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xfc1a8b03.
//
// Solidity: function modelSha256Hex(bytes32 id) view returns(string)
func (registry *Registry) UnpackModelSha256Hex(data []byte) (string, error) {
	out, err := registry.abi.Unpack("modelSha256Hex", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackOperator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x570ca735.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function operator() view returns(address)
func (registry *Registry) PackOperator() []byte {
	enc, err := registry.abi.Pack("operator")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOperator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x570ca735.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function operator() view returns(address)
func (registry *Registry) TryPackOperator() ([]byte, error) {
	return registry.abi.Pack("operator")
}

// UnpackOperator is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x570ca735.
//
// Solidity: function operator() view returns(address)
func (registry *Registry) UnpackOperator(data []byte) (common.Address, error) {
	out, err := registry.abi.Unpack("operator", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackRegister is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb3950496.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function register((bytes32,bytes32,bytes32[],bytes32,uint8,bytes32,uint8,bytes32,uint8,uint8,string,address,address) r, bytes signature) returns(bytes32 id)
func (registry *Registry) PackRegister(r ModelRegistryRegistration, signature []byte) []byte {
	enc, err := registry.abi.Pack("register", r, signature)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRegister is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb3950496.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function register((bytes32,bytes32,bytes32[],bytes32,uint8,bytes32,uint8,bytes32,uint8,uint8,string,address,address) r, bytes signature) returns(bytes32 id)
func (registry *Registry) TryPackRegister(r ModelRegistryRegistration, signature []byte) ([]byte, error) {
	return registry.abi.Pack("register", r, signature)
}

// UnpackRegister is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb3950496.
//
// Solidity: function register((bytes32,bytes32,bytes32[],bytes32,uint8,bytes32,uint8,bytes32,uint8,uint8,string,address,address) r, bytes signature) returns(bytes32 id)
func (registry *Registry) UnpackRegister(data []byte) ([32]byte, error) {
	out, err := registry.abi.Unpack("register", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackReportCidString is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x714697f8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function reportCidString(bytes32 id) view returns(string)
func (registry *Registry) PackReportCidString(id [32]byte) []byte {
	enc, err := registry.abi.Pack("reportCidString", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackReportCidString is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x714697f8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function reportCidString(bytes32 id) view returns(string)
func (registry *Registry) TryPackReportCidString(id [32]byte) ([]byte, error) {
	return registry.abi.Pack("reportCidString", id)
}

// UnpackReportCidString is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x714697f8.
//
// Solidity: function reportCidString(bytes32 id) view returns(string)
func (registry *Registry) UnpackReportCidString(data []byte) (string, error) {
	out, err := registry.abi.Unpack("reportCidString", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// PackRevoke is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x500244da.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function revoke(bytes32 id, bytes32 reasonDigest, address registrar, bytes signature) returns()
func (registry *Registry) PackRevoke(id [32]byte, reasonDigest [32]byte, registrar common.Address, signature []byte) []byte {
	enc, err := registry.abi.Pack("revoke", id, reasonDigest, registrar, signature)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRevoke is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x500244da.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function revoke(bytes32 id, bytes32 reasonDigest, address registrar, bytes signature) returns()
func (registry *Registry) TryPackRevoke(id [32]byte, reasonDigest [32]byte, registrar common.Address, signature []byte) ([]byte, error) {
	return registry.abi.Pack("revoke", id, reasonDigest, registrar, signature)
}

// PackSetKeyList is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x23e5c352.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setKeyList((uint64,bytes32,bytes32,address,address) k, bytes signature) returns()
func (registry *Registry) PackSetKeyList(k ModelRegistryKeyListUpdate, signature []byte) []byte {
	enc, err := registry.abi.Pack("setKeyList", k, signature)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetKeyList is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x23e5c352.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setKeyList((uint64,bytes32,bytes32,address,address) k, bytes signature) returns()
func (registry *Registry) TryPackSetKeyList(k ModelRegistryKeyListUpdate, signature []byte) ([]byte, error) {
	return registry.abi.Pack("setKeyList", k, signature)
}

// PackSetRegistrar is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0ac5a1bf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setRegistrar(address author, address registrar, bool allowed, uint64 sequence, bytes signature) returns()
func (registry *Registry) PackSetRegistrar(author common.Address, registrar common.Address, allowed bool, sequence uint64, signature []byte) []byte {
	enc, err := registry.abi.Pack("setRegistrar", author, registrar, allowed, sequence, signature)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetRegistrar is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0ac5a1bf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setRegistrar(address author, address registrar, bool allowed, uint64 sequence, bytes signature) returns()
func (registry *Registry) TryPackSetRegistrar(author common.Address, registrar common.Address, allowed bool, sequence uint64, signature []byte) ([]byte, error) {
	return registry.abi.Pack("setRegistrar", author, registrar, allowed, sequence, signature)
}

// PackSupersede is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x78a58d8e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function supersede(bytes32 id, bytes32 successor, address registrar, bytes signature) returns()
func (registry *Registry) PackSupersede(id [32]byte, successor [32]byte, registrar common.Address, signature []byte) []byte {
	enc, err := registry.abi.Pack("supersede", id, successor, registrar, signature)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSupersede is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x78a58d8e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function supersede(bytes32 id, bytes32 successor, address registrar, bytes signature) returns()
func (registry *Registry) TryPackSupersede(id [32]byte, successor [32]byte, registrar common.Address, signature []byte) ([]byte, error) {
	return registry.abi.Pack("supersede", id, successor, registrar, signature)
}

// PackVersion is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x54fd4d50.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function version() pure returns(string)
func (registry *Registry) PackVersion() []byte {
	enc, err := registry.abi.Pack("version")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackVersion is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x54fd4d50.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function version() pure returns(string)
func (registry *Registry) TryPackVersion() ([]byte, error) {
	return registry.abi.Pack("version")
}

// UnpackVersion is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x54fd4d50.
//
// Solidity: function version() pure returns(string)
func (registry *Registry) UnpackVersion(data []byte) (string, error) {
	out, err := registry.abi.Unpack("version", data)
	if err != nil {
		return *new(string), err
	}
	out0 := *abi.ConvertType(out[0], new(string)).(*string)
	return out0, nil
}

// RegistryBatchAnchored represents a BatchAnchored event raised by the Registry contract.
type RegistryBatchAnchored struct {
	Root             [32]byte
	Author           common.Address
	Size             uint64
	CheckpointDigest [32]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const RegistryBatchAnchoredEventName = "BatchAnchored"

// ContractEventName returns the user-defined event name.
func (RegistryBatchAnchored) ContractEventName() string {
	return RegistryBatchAnchoredEventName
}

// UnpackBatchAnchoredEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event BatchAnchored(bytes32 indexed root, address indexed author, uint64 size, bytes32 checkpointDigest)
func (registry *Registry) UnpackBatchAnchoredEvent(log *types.Log) (*RegistryBatchAnchored, error) {
	event := "BatchAnchored"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryBatchAnchored)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RegistryDatasetUsed represents a DatasetUsed event raised by the Registry contract.
type RegistryDatasetUsed struct {
	DatasetDigest [32]byte
	ModelDigest   [32]byte
	Author        common.Address
	Raw           *types.Log // Blockchain specific contextual infos
}

const RegistryDatasetUsedEventName = "DatasetUsed"

// ContractEventName returns the user-defined event name.
func (RegistryDatasetUsed) ContractEventName() string {
	return RegistryDatasetUsedEventName
}

// UnpackDatasetUsedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event DatasetUsed(bytes32 indexed datasetDigest, bytes32 indexed modelDigest, address indexed author)
func (registry *Registry) UnpackDatasetUsedEvent(log *types.Log) (*RegistryDatasetUsed, error) {
	event := "DatasetUsed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryDatasetUsed)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RegistryEIP712DomainChanged represents a EIP712DomainChanged event raised by the Registry contract.
type RegistryEIP712DomainChanged struct {
	Raw *types.Log // Blockchain specific contextual infos
}

const RegistryEIP712DomainChangedEventName = "EIP712DomainChanged"

// ContractEventName returns the user-defined event name.
func (RegistryEIP712DomainChanged) ContractEventName() string {
	return RegistryEIP712DomainChangedEventName
}

// UnpackEIP712DomainChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event EIP712DomainChanged()
func (registry *Registry) UnpackEIP712DomainChangedEvent(log *types.Log) (*RegistryEIP712DomainChanged, error) {
	event := "EIP712DomainChanged"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryEIP712DomainChanged)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RegistryKeyListSet represents a KeyListSet event raised by the Registry contract.
type RegistryKeyListSet struct {
	Author     common.Address
	ListDigest [32]byte
	Sequence   uint64
	CidDigest  [32]byte
	Raw        *types.Log // Blockchain specific contextual infos
}

const RegistryKeyListSetEventName = "KeyListSet"

// ContractEventName returns the user-defined event name.
func (RegistryKeyListSet) ContractEventName() string {
	return RegistryKeyListSetEventName
}

// UnpackKeyListSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event KeyListSet(address indexed author, bytes32 indexed listDigest, uint64 sequence, bytes32 cidDigest)
func (registry *Registry) UnpackKeyListSetEvent(log *types.Log) (*RegistryKeyListSet, error) {
	event := "KeyListSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryKeyListSet)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RegistryModelRegistered represents a ModelRegistered event raised by the Registry contract.
type RegistryModelRegistered struct {
	ModelDigest     [32]byte
	BaseModelDigest [32]byte
	Author          common.Address
	Id              [32]byte
	Verdict         uint8
	ReportDigest    [32]byte
	EvidenceDigest  [32]byte
	Raw             *types.Log // Blockchain specific contextual infos
}

const RegistryModelRegisteredEventName = "ModelRegistered"

// ContractEventName returns the user-defined event name.
func (RegistryModelRegistered) ContractEventName() string {
	return RegistryModelRegisteredEventName
}

// UnpackModelRegisteredEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ModelRegistered(bytes32 indexed modelDigest, bytes32 indexed baseModelDigest, address indexed author, bytes32 id, uint8 verdict, bytes32 reportDigest, bytes32 evidenceDigest)
func (registry *Registry) UnpackModelRegisteredEvent(log *types.Log) (*RegistryModelRegistered, error) {
	event := "ModelRegistered"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryModelRegistered)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RegistryModelRevoked represents a ModelRevoked event raised by the Registry contract.
type RegistryModelRevoked struct {
	Id           [32]byte
	Author       common.Address
	ReasonDigest [32]byte
	Raw          *types.Log // Blockchain specific contextual infos
}

const RegistryModelRevokedEventName = "ModelRevoked"

// ContractEventName returns the user-defined event name.
func (RegistryModelRevoked) ContractEventName() string {
	return RegistryModelRevokedEventName
}

// UnpackModelRevokedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ModelRevoked(bytes32 indexed id, address indexed author, bytes32 reasonDigest)
func (registry *Registry) UnpackModelRevokedEvent(log *types.Log) (*RegistryModelRevoked, error) {
	event := "ModelRevoked"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryModelRevoked)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RegistryModelSuperseded represents a ModelSuperseded event raised by the Registry contract.
type RegistryModelSuperseded struct {
	Id        [32]byte
	Successor [32]byte
	Author    common.Address
	Raw       *types.Log // Blockchain specific contextual infos
}

const RegistryModelSupersededEventName = "ModelSuperseded"

// ContractEventName returns the user-defined event name.
func (RegistryModelSuperseded) ContractEventName() string {
	return RegistryModelSupersededEventName
}

// UnpackModelSupersededEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ModelSuperseded(bytes32 indexed id, bytes32 indexed successor, address indexed author)
func (registry *Registry) UnpackModelSupersededEvent(log *types.Log) (*RegistryModelSuperseded, error) {
	event := "ModelSuperseded"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryModelSuperseded)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// RegistryRegistrarSet represents a RegistrarSet event raised by the Registry contract.
type RegistryRegistrarSet struct {
	Author    common.Address
	Registrar common.Address
	Allowed   bool
	Raw       *types.Log // Blockchain specific contextual infos
}

const RegistryRegistrarSetEventName = "RegistrarSet"

// ContractEventName returns the user-defined event name.
func (RegistryRegistrarSet) ContractEventName() string {
	return RegistryRegistrarSetEventName
}

// UnpackRegistrarSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RegistrarSet(address indexed author, address indexed registrar, bool allowed)
func (registry *Registry) UnpackRegistrarSetEvent(log *types.Log) (*RegistryRegistrarSet, error) {
	event := "RegistrarSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != registry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(RegistryRegistrarSet)
	if len(log.Data) > 0 {
		if err := registry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range registry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (registry *Registry) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], registry.abi.Errors["AlreadyAnchored"].ID.Bytes()[:4]) {
		return registry.UnpackAlreadyAnchoredError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["AlreadyRegistered"].ID.Bytes()[:4]) {
		return registry.UnpackAlreadyRegisteredError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["AlreadyRevoked"].ID.Bytes()[:4]) {
		return registry.UnpackAlreadyRevokedError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["AlreadySuperseded"].ID.Bytes()[:4]) {
		return registry.UnpackAlreadySupersededError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["BadCodec"].ID.Bytes()[:4]) {
		return registry.UnpackBadCodecError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["BadGitCommit"].ID.Bytes()[:4]) {
		return registry.UnpackBadGitCommitError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["BadSignature"].ID.Bytes()[:4]) {
		return registry.UnpackBadSignatureError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["BadSuccessor"].ID.Bytes()[:4]) {
		return registry.UnpackBadSuccessorError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["InvalidShortString"].ID.Bytes()[:4]) {
		return registry.UnpackInvalidShortStringError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["MissingField"].ID.Bytes()[:4]) {
		return registry.UnpackMissingFieldError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["NameTooLong"].ID.Bytes()[:4]) {
		return registry.UnpackNameTooLongError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["NotAuthorized"].ID.Bytes()[:4]) {
		return registry.UnpackNotAuthorizedError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["OwnBase"].ID.Bytes()[:4]) {
		return registry.UnpackOwnBaseError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["StringTooLong"].ID.Bytes()[:4]) {
		return registry.UnpackStringTooLongError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["TooDeep"].ID.Bytes()[:4]) {
		return registry.UnpackTooDeepError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["TooManyDatasets"].ID.Bytes()[:4]) {
		return registry.UnpackTooManyDatasetsError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["UnknownBatch"].ID.Bytes()[:4]) {
		return registry.UnpackUnknownBatchError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["UnknownKeyList"].ID.Bytes()[:4]) {
		return registry.UnpackUnknownKeyListError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["UnknownModel"].ID.Bytes()[:4]) {
		return registry.UnpackUnknownModelError(raw[4:])
	}
	if bytes.Equal(raw[:4], registry.abi.Errors["WrongSequence"].ID.Bytes()[:4]) {
		return registry.UnpackWrongSequenceError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// RegistryAlreadyAnchored represents a AlreadyAnchored error raised by the Registry contract.
type RegistryAlreadyAnchored struct {
	Id          [32]byte
	BlockNumber uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyAnchored(bytes32 id, uint64 blockNumber)
func RegistryAlreadyAnchoredErrorID() common.Hash {
	return common.HexToHash("0x7332e7a7e9907fe11f7753d9c80edf26f95b52ef3f583a8231ec680bddb394f0")
}

// UnpackAlreadyAnchoredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyAnchored(bytes32 id, uint64 blockNumber)
func (registry *Registry) UnpackAlreadyAnchoredError(raw []byte) (*RegistryAlreadyAnchored, error) {
	out := new(RegistryAlreadyAnchored)
	if err := registry.abi.UnpackIntoInterface(out, "AlreadyAnchored", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryAlreadyRegistered represents a AlreadyRegistered error raised by the Registry contract.
type RegistryAlreadyRegistered struct {
	Id          [32]byte
	BlockNumber uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyRegistered(bytes32 id, uint64 blockNumber)
func RegistryAlreadyRegisteredErrorID() common.Hash {
	return common.HexToHash("0x4c12996eda1d25c3a36215c58a19114239eb05a209cc3f8e9f793016ce8eb657")
}

// UnpackAlreadyRegisteredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyRegistered(bytes32 id, uint64 blockNumber)
func (registry *Registry) UnpackAlreadyRegisteredError(raw []byte) (*RegistryAlreadyRegistered, error) {
	out := new(RegistryAlreadyRegistered)
	if err := registry.abi.UnpackIntoInterface(out, "AlreadyRegistered", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryAlreadyRevoked represents a AlreadyRevoked error raised by the Registry contract.
type RegistryAlreadyRevoked struct {
	Id        [32]byte
	RevokedAt uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyRevoked(bytes32 id, uint64 revokedAt)
func RegistryAlreadyRevokedErrorID() common.Hash {
	return common.HexToHash("0x018ecbcec5173f124caa2b2d34180660f5ea8b26f624af1703f9d0ca7b553ad0")
}

// UnpackAlreadyRevokedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyRevoked(bytes32 id, uint64 revokedAt)
func (registry *Registry) UnpackAlreadyRevokedError(raw []byte) (*RegistryAlreadyRevoked, error) {
	out := new(RegistryAlreadyRevoked)
	if err := registry.abi.UnpackIntoInterface(out, "AlreadyRevoked", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryAlreadySuperseded represents a AlreadySuperseded error raised by the Registry contract.
type RegistryAlreadySuperseded struct {
	Id        [32]byte
	Successor [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadySuperseded(bytes32 id, bytes32 successor)
func RegistryAlreadySupersededErrorID() common.Hash {
	return common.HexToHash("0x3af3a7087a76149a5f3d534f4fa0e30b3a9976a432264db3eb94e2cdfe5256f7")
}

// UnpackAlreadySupersededError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadySuperseded(bytes32 id, bytes32 successor)
func (registry *Registry) UnpackAlreadySupersededError(raw []byte) (*RegistryAlreadySuperseded, error) {
	out := new(RegistryAlreadySuperseded)
	if err := registry.abi.UnpackIntoInterface(out, "AlreadySuperseded", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryBadCodec represents a BadCodec error raised by the Registry contract.
type RegistryBadCodec struct {
	Digest [32]byte
	Codec  uint8
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadCodec(bytes32 digest, uint8 codec)
func RegistryBadCodecErrorID() common.Hash {
	return common.HexToHash("0x6ce1dd9fe9c677852d839242f477089bc44e735f3ab5c0a3c682dd1abbf30c74")
}

// UnpackBadCodecError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadCodec(bytes32 digest, uint8 codec)
func (registry *Registry) UnpackBadCodecError(raw []byte) (*RegistryBadCodec, error) {
	out := new(RegistryBadCodec)
	if err := registry.abi.UnpackIntoInterface(out, "BadCodec", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryBadGitCommit represents a BadGitCommit error raised by the Registry contract.
type RegistryBadGitCommit struct {
	GitCommit [32]byte
	Length    uint8
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadGitCommit(bytes32 gitCommit, uint8 length)
func RegistryBadGitCommitErrorID() common.Hash {
	return common.HexToHash("0x8de799f9b634dc3710483648f5fe39a46a74c35f714b21ed930e4f52dbe8368a")
}

// UnpackBadGitCommitError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadGitCommit(bytes32 gitCommit, uint8 length)
func (registry *Registry) UnpackBadGitCommitError(raw []byte) (*RegistryBadGitCommit, error) {
	out := new(RegistryBadGitCommit)
	if err := registry.abi.UnpackIntoInterface(out, "BadGitCommit", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryBadSignature represents a BadSignature error raised by the Registry contract.
type RegistryBadSignature struct {
	Registrar common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadSignature(address registrar)
func RegistryBadSignatureErrorID() common.Hash {
	return common.HexToHash("0x9a7d38d94d3da0d5188ab778bbe9a3a38c77802b1bf2426c15740dc786da791d")
}

// UnpackBadSignatureError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadSignature(address registrar)
func (registry *Registry) UnpackBadSignatureError(raw []byte) (*RegistryBadSignature, error) {
	out := new(RegistryBadSignature)
	if err := registry.abi.UnpackIntoInterface(out, "BadSignature", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryBadSuccessor represents a BadSuccessor error raised by the Registry contract.
type RegistryBadSuccessor struct {
	Id        [32]byte
	Successor [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadSuccessor(bytes32 id, bytes32 successor)
func RegistryBadSuccessorErrorID() common.Hash {
	return common.HexToHash("0xb2a467852b509a8802db6bc710bd4b7abc906ccecc91ab0f4c8ec54e4a25a0e1")
}

// UnpackBadSuccessorError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadSuccessor(bytes32 id, bytes32 successor)
func (registry *Registry) UnpackBadSuccessorError(raw []byte) (*RegistryBadSuccessor, error) {
	out := new(RegistryBadSuccessor)
	if err := registry.abi.UnpackIntoInterface(out, "BadSuccessor", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryInvalidShortString represents a InvalidShortString error raised by the Registry contract.
type RegistryInvalidShortString struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidShortString()
func RegistryInvalidShortStringErrorID() common.Hash {
	return common.HexToHash("0xb3512b0c6163e5f0bafab72bb631b9d58cd7a731b082f910338aa21c83d5c274")
}

// UnpackInvalidShortStringError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidShortString()
func (registry *Registry) UnpackInvalidShortStringError(raw []byte) (*RegistryInvalidShortString, error) {
	out := new(RegistryInvalidShortString)
	if err := registry.abi.UnpackIntoInterface(out, "InvalidShortString", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryMissingField represents a MissingField error raised by the Registry contract.
type RegistryMissingField struct {
	Field string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error MissingField(string field)
func RegistryMissingFieldErrorID() common.Hash {
	return common.HexToHash("0xcdda309bd0e18abca601691ec05c891bc4be92bd44c4453069ea1aa4518e526a")
}

// UnpackMissingFieldError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error MissingField(string field)
func (registry *Registry) UnpackMissingFieldError(raw []byte) (*RegistryMissingField, error) {
	out := new(RegistryMissingField)
	if err := registry.abi.UnpackIntoInterface(out, "MissingField", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryNameTooLong represents a NameTooLong error raised by the Registry contract.
type RegistryNameTooLong struct {
	Given *big.Int
	Limit *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NameTooLong(uint256 given, uint256 limit)
func RegistryNameTooLongErrorID() common.Hash {
	return common.HexToHash("0x243cf1c94db6039d7dae47174c4692dd3c43e0d788032b1eca0b9f7bd0db025e")
}

// UnpackNameTooLongError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NameTooLong(uint256 given, uint256 limit)
func (registry *Registry) UnpackNameTooLongError(raw []byte) (*RegistryNameTooLong, error) {
	out := new(RegistryNameTooLong)
	if err := registry.abi.UnpackIntoInterface(out, "NameTooLong", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryNotAuthorized represents a NotAuthorized error raised by the Registry contract.
type RegistryNotAuthorized struct {
	Author    common.Address
	Registrar common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotAuthorized(address author, address registrar)
func RegistryNotAuthorizedErrorID() common.Hash {
	return common.HexToHash("0xc55ddc97f965b07771bd4bdd6ae05410c94695b14a204ed670695314b49b155c")
}

// UnpackNotAuthorizedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotAuthorized(address author, address registrar)
func (registry *Registry) UnpackNotAuthorizedError(raw []byte) (*RegistryNotAuthorized, error) {
	out := new(RegistryNotAuthorized)
	if err := registry.abi.UnpackIntoInterface(out, "NotAuthorized", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryOwnBase represents a OwnBase error raised by the Registry contract.
type RegistryOwnBase struct {
	ModelDigest [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error OwnBase(bytes32 modelDigest)
func RegistryOwnBaseErrorID() common.Hash {
	return common.HexToHash("0x761a913c9b1e50fc9651184d38cbfb844498a06642c660190f7d20fa12eaaba0")
}

// UnpackOwnBaseError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error OwnBase(bytes32 modelDigest)
func (registry *Registry) UnpackOwnBaseError(raw []byte) (*RegistryOwnBase, error) {
	out := new(RegistryOwnBase)
	if err := registry.abi.UnpackIntoInterface(out, "OwnBase", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryStringTooLong represents a StringTooLong error raised by the Registry contract.
type RegistryStringTooLong struct {
	Str string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error StringTooLong(string str)
func RegistryStringTooLongErrorID() common.Hash {
	return common.HexToHash("0x305a27a93f8e33b7392df0a0f91d6fc63847395853c45991eec52dbf24d72381")
}

// UnpackStringTooLongError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error StringTooLong(string str)
func (registry *Registry) UnpackStringTooLongError(raw []byte) (*RegistryStringTooLong, error) {
	out := new(RegistryStringTooLong)
	if err := registry.abi.UnpackIntoInterface(out, "StringTooLong", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryTooDeep represents a TooDeep error raised by the Registry contract.
type RegistryTooDeep struct {
	Given *big.Int
	Limit *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error TooDeep(uint256 given, uint256 limit)
func RegistryTooDeepErrorID() common.Hash {
	return common.HexToHash("0xec277a005af9c5377e327a6363cc6e1a7f2f3fd607c7205c872de99939270b39")
}

// UnpackTooDeepError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error TooDeep(uint256 given, uint256 limit)
func (registry *Registry) UnpackTooDeepError(raw []byte) (*RegistryTooDeep, error) {
	out := new(RegistryTooDeep)
	if err := registry.abi.UnpackIntoInterface(out, "TooDeep", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryTooManyDatasets represents a TooManyDatasets error raised by the Registry contract.
type RegistryTooManyDatasets struct {
	Given *big.Int
	Limit *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error TooManyDatasets(uint256 given, uint256 limit)
func RegistryTooManyDatasetsErrorID() common.Hash {
	return common.HexToHash("0x31053decbe42fc0df6f20112db927398f9842ced8c3f72e339fe4a3bb7573c9d")
}

// UnpackTooManyDatasetsError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error TooManyDatasets(uint256 given, uint256 limit)
func (registry *Registry) UnpackTooManyDatasetsError(raw []byte) (*RegistryTooManyDatasets, error) {
	out := new(RegistryTooManyDatasets)
	if err := registry.abi.UnpackIntoInterface(out, "TooManyDatasets", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryUnknownBatch represents a UnknownBatch error raised by the Registry contract.
type RegistryUnknownBatch struct {
	Author common.Address
	Root   [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownBatch(address author, bytes32 root)
func RegistryUnknownBatchErrorID() common.Hash {
	return common.HexToHash("0x9d1f28fe68602ff8a5c81e0ffc3588917ed200940c7f8379fd22df24787f3908")
}

// UnpackUnknownBatchError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownBatch(address author, bytes32 root)
func (registry *Registry) UnpackUnknownBatchError(raw []byte) (*RegistryUnknownBatch, error) {
	out := new(RegistryUnknownBatch)
	if err := registry.abi.UnpackIntoInterface(out, "UnknownBatch", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryUnknownKeyList represents a UnknownKeyList error raised by the Registry contract.
type RegistryUnknownKeyList struct {
	Author common.Address
	Index  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownKeyList(address author, uint256 index)
func RegistryUnknownKeyListErrorID() common.Hash {
	return common.HexToHash("0x2d79c77df6899354547b9d63259fb780d7d79c0cc34aa3ada94402487f49c0b7")
}

// UnpackUnknownKeyListError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownKeyList(address author, uint256 index)
func (registry *Registry) UnpackUnknownKeyListError(raw []byte) (*RegistryUnknownKeyList, error) {
	out := new(RegistryUnknownKeyList)
	if err := registry.abi.UnpackIntoInterface(out, "UnknownKeyList", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryUnknownModel represents a UnknownModel error raised by the Registry contract.
type RegistryUnknownModel struct {
	Id [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownModel(bytes32 id)
func RegistryUnknownModelErrorID() common.Hash {
	return common.HexToHash("0xa2dc0625b3fe9caa2cc8653c3bb80baa7333672dfd886a80b6343d529b2daa98")
}

// UnpackUnknownModelError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownModel(bytes32 id)
func (registry *Registry) UnpackUnknownModelError(raw []byte) (*RegistryUnknownModel, error) {
	out := new(RegistryUnknownModel)
	if err := registry.abi.UnpackIntoInterface(out, "UnknownModel", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// RegistryWrongSequence represents a WrongSequence error raised by the Registry contract.
type RegistryWrongSequence struct {
	Expected uint64
	Given    uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error WrongSequence(uint64 expected, uint64 given)
func RegistryWrongSequenceErrorID() common.Hash {
	return common.HexToHash("0x3339693d293ebd82dcddcd794e61cf7e82ab33f2097f7da5eb5f779c3b575dba")
}

// UnpackWrongSequenceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error WrongSequence(uint64 expected, uint64 given)
func (registry *Registry) UnpackWrongSequenceError(raw []byte) (*RegistryWrongSequence, error) {
	out := new(RegistryWrongSequence)
	if err := registry.abi.UnpackIntoInterface(out, "WrongSequence", raw); err != nil {
		return nil, err
	}
	return out, nil
}
