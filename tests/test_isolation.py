"""Student code is untrusted: it runs apart from the laws, can forge nothing, touch nothing, and is told what it tried."""

import math
import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minimm.classroom.child_process import Child, Limits
from minimm.classroom.supervisor import check_file
from minimm.classroom.wire import Other, decode, encode
from minimm.errors import MinimmError
from minimm.specs.grading import grade
from minimm.specs.registry import spec_of

HEAD = "import os, sys, time\nimport numpy as np\n\ndef softmax(logits, axis=-1):\n"
QUICK = Limits(seconds=30.0, memory_bytes=2**30)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="promised by Linux' kernel alone")
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple), max_leaves=12
)
arrays = hnp.arrays(
    hnp.floating_dtypes() | hnp.integer_dtypes() | hnp.boolean_dtypes(), hnp.array_shapes(min_dims=0, min_side=0)
)


def same(one, other):
    if isinstance(one, float):
        return type(other) is float and (one == other or (math.isnan(one) and math.isnan(other)))
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(values)
def test_what_travels_arrives_as_it_was(value):
    assert same(value, decode(encode(value)))


@given(arrays, st.sampled_from(["plain", "transposed", "every other"]))
def test_an_array_arrives_with_its_dtype_shape_and_layout(array, layout):
    if layout == "transposed":
        array = array.T
    elif layout == "every other" and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    arrived = decode(encode(array))
    assert arrived.dtype == array.dtype and arrived.shape == array.shape and arrived.tobytes() == array.tobytes()
    assert array.size < 2 or arrived.strides == array.strides


@given(
    st.recursive(
        plain.filter(lambda x: not isinstance(x, bytes)), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_reading_an_answer_ends_in_a_value_or_a_value_error(answer):
    for disguise in (
        answer,
        {"array": answer},
        {"other": answer},
        {"tuple": answer},
        {"blank": answer},
        {"bytes": answer},
    ):
        try:
            decode(disguise)
        except ValueError:
            continue


@pytest.mark.parametrize("shape", [[0, 10**30], [-1], [2**40], ["x"], None, [3]])
@pytest.mark.parametrize("strides", [None, [8], [2**40], [-8], [3], "x"])
def test_an_array_that_lies_about_its_shape_is_a_value_error(shape, strides):
    content = encode(np.zeros(2))["array"][2]
    with pytest.raises(ValueError, match="encoded"):
        decode({"array": ["<f8", shape, content, strides]})
    with pytest.raises(ValueError, match=r"."):
        decode({"blank": ["<U9999999", shape]})


def test_other_things_arrive_as_descriptions():
    class Thing:
        def __repr__(self):
            raise RuntimeError

    thing = decode(encode(Thing()))
    assert isinstance(thing, Other) and type(thing).__name__ == "Thing"
    assert decode(encode(np.array([None, "x"], dtype=object))).dtype == object
    with pytest.raises(ValueError, match="larger than any law"):
        encode(np.zeros(10**8, np.int8))


@pytest.mark.parametrize(
    "body",
    [
        "powers = np.exp(logits - logits.max()); return powers / powers.sum()",
        "logits -= logits.max(axis=axis, keepdims=True); return np.exp(logits) / np.exp(logits).sum(axis, keepdims=True)",
        "return logits.astype(object)",
        "return [1.0, 2.0]",
        "return logits.sum()",
        "return None",
    ],
)
def test_a_function_elsewhere_gets_the_report_it_would_get_here(write, body):
    source = HEAD + f"    {body}\n"
    namespace = {}
    exec(source, namespace)
    here = grade(spec_of("softmax"), namespace["softmax"])
    (elsewhere,) = check_file(write(source), "softmax", limits=QUICK)
    assert elsewhere == here


NUMBERS = "for number in range(3, 40):"
HOSTILE = {
    "os.remove('VICTIM')": "changes files",
    "__import__('shutil').rmtree(os.path.dirname('VICTIM'))": "changes files",
    "open('VICTIM', 'w').write('mine')": "opens the file",
    "os.listdir('/')": "looks into folders",
    "os.fork()": "starts another process",
    "os.system('touch VICTIM')": "starts another process",
    "__import__('subprocess').run(['touch', 'VICTIM'])": "starts another process",
    "__import__('socket').create_connection(('127.0.0.1', 9))": "uses the network",
    "__import__('urllib.request').request.urlopen('http://127.0.0.1:9')": "uses the network",
    "os.kill(os.getppid(), 9)": "sends a signal",
    "__import__('ctypes').CDLL(None).unlink(b'VICTIM')": "goes past Python",
    "time.sleep(100)": "calls time.sleep",
    "sys.exit()": "called sys.exit",
    "os._exit(0)": "ended the process (exit code 0)",
    "while True: pass": "did not come back in time",
    "print('{\"gave\": 1}' * 10**6)": "printed more than",
    "return bytearray(10**11)": "more memory than there is",
    "return np.ones(3 * 10**6)": "too much",
    f"{NUMBERS}\n        try: os.write(number, b'[1]\\n')\n        except OSError: pass": "the line on which its answers",
    f"{NUMBERS}\n        try: os.close(number)\n        except OSError: pass": "ended the process",
    "from minimm.specs.laws.softmax import naive_softmax": "No module named 'minimm.specs.laws",
    "try: os.remove('VICTIM')\n    except BaseException: pass": "changes files",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has fewer limits")
@pytest.mark.parametrize("body", HOSTILE)
def test_what_a_function_tries_is_named_and_in_vain(write, tmp_path, body):
    victim = tmp_path / "folder" / "victim"
    victim.parent.mkdir()
    victim.write_text("whole", encoding="utf-8")
    (report,) = check_file(
        write(HEAD + f"    {body.replace('VICTIM', str(victim))}\n    return logits\n"), "softmax", limits=QUICK
    )
    assert not report and HOSTILE[body] in report.failure.what
    assert victim.read_text(encoding="utf-8") == "whole"


@pytest.mark.parametrize(
    "patch", ["minimm.specs.grading.grade = lambda *a, **k: True", "np.ndarray = None", "np.exp = np.abs"]
)
def test_a_patched_checker_is_not_the_one_that_checks(write, patch):
    source = (
        f"import numpy as np\nimport minimm.specs.calling, minimm.specs.grading\n{patch}\n"
        + HEAD
        + "    return logits\n"
    )
    (report,) = check_file(write(source), "softmax", limits=QUICK)
    assert report.status in ("broken", "stopped")


@linux
def test_the_kernel_holds_what_python_does_not_see(write, tmp_path):
    """Below Python's own functions nothing is noticed; it fails all the same."""
    victim = tmp_path.parent / "victim"
    victim.write_text("whole", encoding="utf-8")
    numbers = {"x86_64": {"fork": 57, "socket": 41, "unlink": 87}}.get(os.uname().machine)
    if numbers is None:
        pytest.skip("the numbers of system calls are those of x86-64")
    fork, socket = (f"libc.syscall({numbers[name]}, 2, 1, 0)" for name in ("fork", "socket"))
    calls = f"{fork}, {socket}, libc.unlink({str(victim).encode()!r})"
    helper = tmp_path / "helper_below.py"  # what an imported module does is not noticed
    helper.write_text(f"import ctypes\nlibc = ctypes.CDLL(None)\nresults = [{calls}]\n", encoding="utf-8")
    source = "import helper_below\n" + HEAD + "    return np.array(helper_below.results, dtype=float)\n"
    with Child(write(source), "softmax", QUICK) as child:
        assert {"limits", "landlock", "seccomp"} == set(child.confined)
        zeros = encode((np.zeros(3),))
        answer = child.ask(call="softmax", args=zeros, kwargs=encode({}))
        assert decode(answer["gave"]).tolist() == [-1.0, -1.0, -1.0]
    assert victim.read_text(encoding="utf-8") == "whole"


@linux
@pytest.mark.parametrize(("place", "found"), [("lib/site-packages", True), ("solutions", False)])
def test_of_python_path_installed_packages_can_be_read_and_nothing_else(write, tmp_path, monkeypatch, place, found):
    folder = tmp_path.parent / f"{tmp_path.name}_elsewhere" / place
    folder.mkdir(parents=True)
    (folder / "answers_of_mine.py").write_text("from numpy import exp\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    path = write(
        f"from answers_of_mine import exp\n{HEAD}    powers = exp(logits - logits.max(axis, keepdims=True))\n"
        "    return powers / powers.sum(axis, keepdims=True)\n"
    )
    if found:
        assert all(check_file(path, "softmax", limits=QUICK))
    else:
        with pytest.raises(MinimmError, match=r"solution\.py, line 1 raises .* while it is loaded"):
            check_file(path, "softmax", limits=QUICK)


def test_nothing_of_the_callers_environment_reaches_the_file(write, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    (report,) = check_file(write(HEAD + "    raise KeyError(sorted(os.environ))\n"), "softmax", limits=QUICK)
    assert "SECRET_TOKEN" not in report.failure.what and "HOME" in report.failure.what


def test_no_process_is_left_behind(write):
    with Child(write(HEAD + "    return logits\n"), "softmax", QUICK) as child:
        number = child.process.pid
        assert child.process.poll() is None
    assert child.process.poll() is not None and child.ended
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
