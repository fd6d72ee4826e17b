"""Writes ordinary pickles, arrays and checkpoints with the usual writers into pickles/.

Run in this directory. Written with Python 3.11.2, numpy 1.24.2, scipy 1.10.1, pandas 1.5.3, scikit-learn 1.2.1, joblib 1.2.0,
dill 0.3.6, cloudpickle 2.2.0 and torch 1.13.0. Values of random numbers do not matter.
"""
import collections, datetime, decimal, fractions, pathlib, pickle, uuid, warnings

import cloudpickle, dill, joblib, numpy as np, pandas as pd, scipy.sparse, torch, torch.nn as nn
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.svm import SVC

warnings.filterwarnings("ignore")
A = np.arange(12.0).reshape(3, 4)
objects = np.array(["a", None, 3], dtype=object)
plain = dict(
    numbers=[1, -1, 2**70, -(2**70), 1.5, "é", b"x", None, True, (), (1, 2, 3, 4), {1: 2}, {1}, frozenset([2]), 1 + 2j, bytearray(b"x"), range(3), slice(1, 2), ..., int],
    containers=[collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.Counter("abc"), collections.deque([1], 5)],
    others=[datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), datetime.timedelta(1), decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=5), pathlib.PurePosixPath("a/b")],
    arrays=[A, A.astype("f4"), objects, np.float32(3), np.dtype("f4"), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.ma.array(A, mask=A > 3), scipy.sparse.csr_matrix(A)],
    frame=pd.DataFrame(dict(a=[1, 2], b=["x", "y"], c=pd.to_datetime(["2020-01-01"] * 2), d=pd.Categorical(["u", "v"]))),
)
for name, value in plain.items():
    for protocol in (0, 2, 5):
        with open(f"pickles/{name}-{protocol}.pkl", "wb") as f:
            pickle.dump(value, f, protocol=protocol)
dill.dump(plain["numbers"], open("pickles/numbers.dill", "wb"))
cloudpickle.dump(plain["arrays"], open("pickles/arrays-cloudpickle.pkl", "wb"))
np.save("pickles/objects.npy", objects)
np.save("pickles/matrix.npy", A)
np.savez("pickles/arrays.npz", A, b=A > 3, o=objects)
np.savez_compressed("pickles/compressed.npz", A, o=objects)

X, y = np.random.RandomState(0).rand(20, 4), np.array([0, 1] * 10)
estimators = dict(
    forest=make_pipeline(StandardScaler(), RandomForestClassifier(3)).fit(X, y), neighbours=KNeighborsClassifier().fit(X, y), svc=SVC().fit(X, y),
    words=TfidfVectorizer().fit(["a cat sat", "a dog sat"]), labels=LabelEncoder().fit(["a", "b"]), objects={"o": objects, "a": A},
)
for name, value in estimators.items():
    joblib.dump(value, f"pickles/{name}.joblib")
for method in ("zlib", "gzip", "bz2"):
    joblib.dump(estimators["forest"], f"pickles/forest-{method}.joblib", compress=(method, 3))

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Linear(4, 3))
optimizer = torch.optim.AdamW(model.parameters())
for p in model.parameters():
    p.grad = torch.ones_like(p)
optimizer.step()
t = torch.rand(3, 4)
saved = dict(
    state=model.state_dict(), model=model, checkpoint=dict(model=model.state_dict(), optimizer=optimizer.state_dict(), epoch=3),
    tensors=[t.to(d) for d in (torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.uint8, torch.int64, torch.bool, torch.complex64)] + [t[1:], nn.Parameter(t), torch.eye(2).to_sparse(), torch.quantize_per_tensor(t, 0.1, 0, torch.qint8)],
)
for name, value in saved.items():
    torch.save(value, f"pickles/{name}.pt")
    torch.save(value, f"pickles/{name}-legacy.pt", _use_new_zipfile_serialization=False)
pickle.dump(t, open("pickles/tensor.pkl", "wb"))
pickle.dump(t, open("pickles/tensor-2.pkl", "wb"), protocol=2)
