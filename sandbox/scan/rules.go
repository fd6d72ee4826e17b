package scan

// Ids of rules that code outside of a format's own file needs.
const (
	RuleCannotParse   = "cannot-parse"
	RuleUnknownFormat = "unknown-format"
	RuleLimit         = "limit"
	RuleLink          = "link"
	RuleExecutable    = "executable-file"
	ruleChecksum      = "archive-checksum"
	ruleEncrypted     = "archive-encrypted"
	ruleWrongName     = "wrong-extension"
	ruleExternalData  = "onnx-external-data"
)

// A Rule is something that the scanner reports. Its ID is stable: policies and baselines name it.
type Rule struct{ ID, Text string }

// Rules are all rules, sorted by id. The same table, with examples, is in docs/scanner.md.
var Rules = []Rule{
	{"archive-bomb", "A member of the archive, or the archive as a whole, unpacks to far more than it takes."},
	{ruleChecksum, "A member's checksum or size is not that of its bytes; some loaders do not look."},
	{"archive-code", "The archive holds Python code that its loader runs."},
	{"archive-duplicate", "Two members of the archive have one name, or names that some systems take for one."},
	{ruleEncrypted, "A member of the archive is encrypted, so that nobody can look into it."},
	{"archive-hidden", "The archive holds members that its directory does not list."},
	{"archive-link", "A member of the archive is a link, a device or something else that is not a plain file."},
	{"archive-mismatch", "A member's own header says something else than the archive's directory."},
	{"archive-nested", "Archives in archives, deeper than is looked into."},
	{"archive-path", "A member of the archive would be written outside of the directory that it is unpacked into."},
	{"binary-in-text", "The file begins as text and goes on as something else."},
	{RuleCannotParse, "The file breaks its format, so that two readers may see two different files."},
	{ruleConfigCall, "The configuration names something that its reader imports or calls."},
	{"config-remote-code", "The configuration names code that is loaded with the model."},
	{RuleExecutable, "The file can be started as a program, and its name does not say so."},
	{"file-name", "The file's name holds characters that do not show, or turn text around."},
	{"gap", "Bytes between tensors belong to nothing."},
	{"gguf-hyperparameter", "A size or factor of the model is one that readers divide by zero, overflow or run out of memory with."},
	{"gguf-split", "The part of a split file contradicts itself or its name."},
	{"gguf-tokenizer", "The tables of the vocabulary do not fit one another."},
	{"hdf5-external-data", "The data of a data set lies in another file."},
	{"hdf5-external-link", "A link leads out of the HDF5 file."},
	{"hdf5-filter", "Reading the data loads a program for a filter that HDF5 does not bring."},
	{"hdf5-user-link", "Following a link runs a program that is registered for its type."},
	{"hdf5-virtual", "A data set is put together from other files."},
	{"hidden-file", "The file is hidden and none that repositories of models have."},
	{"keras-code-layer", "A layer runs code that the model holds or names, or loads another model."},
	{"keras-custom-class", "The model's configuration names a class that is none of Keras'."},
	{"keras-file", "Loading the model reads a file that its configuration names."},
	{"keras-function", "The model's configuration looks up a function by name when it is loaded."},
	{"keras-lambda", "A Lambda layer holds code that runs when the model is loaded."},
	{"keras-module", "The model's configuration imports a module that is not Keras'."},
	{RuleLimit, "The scan reached a limit of time or memory, or the scanner ended early."},
	{RuleLink, "The path is a symbolic link, a device, a socket or a pipe."},
	{"metadata-code", "The metadata holds code."},
	{"metadata-control-characters", "The metadata holds characters that act on a terminal or turn text around."},
	{"metadata-path", "The metadata names a path outside of the model's directory."},
	{"more-findings", "There are more findings than are listed."},
	{"notebook-active-output", "An output or a text of the notebook is active where the notebook is trusted."},
	{"notebook-empty", "The notebook has no cells."},
	{"notebook-shell", "A cell of the notebook runs a command when somebody runs it."},
	{"onnx-custom-operator", "An operator is a program that neither the model nor the runtime holds, or one that runs code."},
	{ruleExternalData, "Tensor data lies in another file beside the model; a reason only if that file is too short for them."},
	{"onnx-external-path", "Tensor data lies in a file outside of the model's directory."},
	{"pickle-bomb", "The pickle asks for more memory than it could fill."},
	{"pickle-build", "The pickle sets special attributes, or changes classes, functions or tensors that it does not own."},
	{"pickle-call", "The pickle calls something that is harmless elsewhere, in a way that is not."},
	{"pickle-computed-call", "The pickle calls something that it computes."},
	{"pickle-computed-global", "The pickle computes the name of what it imports."},
	{"pickle-extension", "The pickle refers to a registered extension code."},
	{"pickle-global", "The pickle imports or calls what is not on the list of what weights need."},
	{"pickle-persistent-id", "The pickle refers to something outside of it that is no tensor."},
	{"pii-card", "The text holds payment card numbers."},
	{"pii-crypto", "The text holds addresses of wallets."},
	{"pii-email", "The text holds addresses of electronic mail."},
	{"pii-iban", "The text holds bank account numbers."},
	{"pii-id", "The text holds numbers that an office or an industry gives to one person or thing."},
	{"pii-ip", "The text holds addresses of the internet."},
	{"pii-mac", "The text holds addresses of network hardware."},
	{"pii-phone", "The text holds telephone numbers."},
	{"pii-secret", "The text holds a credential."},
	{"pii-us-ssn", "The text holds social security numbers."},
	{"polyglot", "The file is of two formats at once."},
	{"program", "The file is a program or a library."},
	{"python-execution", "The Python file runs programs or code, or opens connections, where that happens by itself."},
	{"python-obfuscation", "The Python file hides what it does."},
	{"requirements-source", "Packages come from elsewhere than the index, or over a connection that anybody may change."},
	{"savedmodel-asset", "The model reads a file outside of its directory."},
	{"savedmodel-operation", "An operation reads or writes files, opens connections or runs code."},
	{"script", "The file is a script."},
	{"shell-execution", "The script runs what it fetches or decodes, or gives control away."},
	{"skops-type", "Loading the file imports or calls what is not on the list of what weights need."},
	{"template-bomb", "Rendering the chat template takes time and memory without end."},
	{"template-forbidden", "The chat template reaches for the objects of the process that renders it."},
	{"tensor-not-finite", "A number of a tensor, or the scale of a block of numbers, is infinite or none."},
	{"torch-storage", "A pickle takes more bytes from a tensor's data than there are."},
	{"trailing-bytes", "Bytes after the end of the format belong to nothing."},
	{RuleUnknownFormat, "The format of the file is not known."},
	{ruleWrongName, "The file's name says another format than its content."},
	{"xml-entity", "The text declares parts that its reader takes from elsewhere, or repeats without end."},
}
