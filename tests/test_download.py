"""What must hold for fetched data: a file is the right one or not there, and what went wrong is said in a sentence."""

import contextlib
import errno
import hashlib
import socket
import struct
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from faulty_disk import faulty_disk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minimm.datasets import download as download_module
from minimm.datasets import sources
from minimm.datasets.bundled import bundled
from minimm.datasets.download import download
from minimm.datasets.folders import find_folder
from minimm.datasets.sources import SOURCES, RemoteFile, Source, data_folder, get
from minimm.errors import MinimmError
from minimm.one_at_a_time import NAME, alone_in

DATA = np.random.default_rng(0).bytes(300_000)
WHAT = {"sha256": hashlib.sha256(DATA).hexdigest(), "num_bytes": len(DATA)}


class Server(ThreadingHTTPServer):
    """Serves DATA at every path but /404. The attributes say how it misbehaves, `log` what was asked and sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.contents = {}  # path -> bytes, where it is not DATA
        self.redirects = {}  # path -> address
        self.knows_ranges = True
        self.wrong_range = False
        self.says_length = True
        self.drop_after = None  # bytes of the body after which the connection ends
        self.reset = False  # the end is a reset, not an orderly one
        self.endless = False  # whoever reads on gets more and more
        self.silent = threading.Event()  # set when a request to /silent may end
        self.log = []  # (path, Range header, bytes sent)

    def shutdown_request(self, request):
        if self.reset:
            return self.close_request(request)
        super().shutdown_request(request)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers["Range"]
        body = server.contents.get(self.path, DATA)
        if self.path == "/silent":
            server.silent.wait(5)
            return
        if self.path == "/404":
            return self.send_error(404)
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            return self.end_headers()
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.knows_ranges else 0
        if start and start >= len(body):
            server.log.append((self.path, asked, 0))
            return self.send_error(416)
        rest = body[start:]
        sent = rest[: server.drop_after]
        server.log.append((self.path, asked, len(sent)))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start + server.wrong_range}-{len(body) - 1}/{len(body)}")
        if server.says_length:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(sent)
        with contextlib.suppress(OSError):  # until nobody listens
            while server.endless:
                self.wfile.write(b"more" * 10_000)
        if server.reset:  # to close a socket that does not linger is to reset the connection
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def no_proxy_and_no_data(monkeypatch, tmp_path):
    """The servers are on this machine, and no test sees or fills the data folder of whoever runs it."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MINIMM_DATA", str(tmp_path / "data"))


@contextlib.contextmanager
def serving():
    """A server on this machine."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.silent.set()
        running.shutdown()
        thread.join()


@pytest.fixture()
def server():
    with serving() as running:
        yield running


@pytest.fixture()
def path(tmp_path) -> Path:
    return tmp_path / "set" / "file.bin"


def part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def fails(urls, path, what=WHAT) -> str:
    with pytest.raises(MinimmError) as caught:
        download(urls, path, **what)
    assert not path.exists()
    return str(caught.value)


def test_a_file_arrives_whole_and_nothing_else_is_left(server, path):
    for server.says_length in (True, False):
        assert download([f"{server.url}/a"], path, **WHAT) == path
        assert path.read_bytes() == DATA
        assert [file.name for file in path.parent.iterdir()] == ["file.bin"]
    assert server.log == [("/a", None, len(DATA))] * 2


def test_only_the_rest_of_a_part_is_asked_for_and_sent(server, path):
    for size in (1, 12_345, len(DATA) - 1):
        path.parent.mkdir(exist_ok=True)
        part_of(path).write_bytes(DATA[:size])
        download([f"{server.url}/a"], path, **WHAT)
        assert path.read_bytes() == DATA
        assert server.log.pop() == ("/a", f"bytes={size}-", len(DATA) - size)


def test_a_part_that_is_already_whole_is_checked_without_asking_anyone(server, path):
    path.parent.mkdir()
    part_of(path).write_bytes(DATA)
    download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA and not part_of(path).exists() and server.log == []


def test_a_server_without_ranges_sends_everything_again(server, path):
    server.knows_ranges = False
    path.parent.mkdir()
    part_of(path).write_bytes(b"x" * 1000)
    download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA
    assert server.log == [("/a", "bytes=1000-", len(DATA))]


def test_a_part_longer_than_the_file_is_begun_again(server, path):
    path.parent.mkdir()
    part_of(path).write_bytes(DATA + b"x")
    download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA and server.log == [("/a", None, len(DATA))]


def test_a_part_longer_than_what_lies_at_the_address_reports_the_size_there(server, path):
    """Asked for what lies behind its end, a server answers 416; the whole is then asked for."""
    server.contents["/a"] = DATA[:500]
    path.parent.mkdir()
    part_of(path).write_bytes(DATA[:1000])
    assert "the file there has 500 bytes, but 300,000 are expected" in fails([f"{server.url}/a"], path)
    assert server.log == [("/a", "bytes=1000-", 0), ("/a", None, 500)]
    assert part_of(path).read_bytes() == DATA[:1000]


def test_another_range_than_the_one_asked_for_is_refused(server, path):
    server.wrong_range = True
    path.parent.mkdir()
    part_of(path).write_bytes(DATA[:1000])
    assert "'bytes 1001-299999/300000' when asked for bytes 1000-" in fails([f"{server.url}/a"], path)
    assert part_of(path).read_bytes() == DATA[:1000]


@pytest.mark.parametrize("says_length", [True, False], ids=["length said", "length not said"])
def test_a_dropped_connection_keeps_the_part_and_the_next_call_goes_on_there(server, path, says_length):
    server.drop_after, server.says_length = 100_000, says_length
    message = fails([f"{server.url}/a"], path)
    assert "the connection ended after 100,000 of 300,000 bytes, which are kept" in message
    assert part_of(path).read_bytes() == DATA[:100_000]
    server.drop_after = None
    download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA
    assert server.log[1] == ("/a", "bytes=100000-", 200_000)


def test_a_reset_connection_is_a_dropped_one(server, path):
    server.drop_after, server.reset = 100_000, True
    message = fails([f"{server.url}/a"], path)
    assert f"{server.url}/a: " in message and ("reset" in message or "closed" in message)
    assert not part_of(path).exists() or DATA.startswith(part_of(path).read_bytes())
    server.drop_after, server.reset = None, False
    download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA


@pytest.mark.parametrize(
    "content", [DATA, bytes(10), b""], ids=["behind the file", "behind its beginning", "from the start"]
)
def test_of_an_endless_stream_no_more_is_taken_than_the_file_has(server, path, content):
    server.contents["/a"], server.endless, server.says_length = content, True, False
    if content == DATA:
        download([f"{server.url}/a"], path, **WHAT)
        assert path.read_bytes() == DATA
    else:
        assert "SHA-256" in fails([f"{server.url}/a"], path)
        assert list(path.parent.iterdir()) == []


FAULTS = {
    "it drops the connection": {"drop_after": 100_000},
    "it drops the connection at once": {"drop_after": 0},
    "it resets the connection": {"drop_after": 200_000, "reset": True},
    "it sends wrong bytes": {"contents": {"/a": bytes(len(DATA))}},
    "it sends wrong bytes and drops the connection": {"contents": {"/a": bytes(len(DATA))}, "drop_after": 150_000},
    "it sends too much": {"contents": {"/a": DATA + b"x"}},
    "it sends too little": {"contents": {"/a": DATA[:-1]}},
    "it sends another range": {"wrong_range": True, "drop_after": 50_000},
    "it knows no ranges and drops the connection": {"knows_ranges": False, "drop_after": 120_000},
    "it never ends": {"contents": {"/a": b"x"}, "endless": True, "says_length": False},
}


@settings(max_examples=40)
@given(st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=5))
def test_whatever_went_wrong_before_a_server_that_is_well_again_gives_the_file(tmp_path_factory, faults):
    path = tmp_path_factory.mktemp("set") / "file.bin"
    with serving() as server:
        well = {name: getattr(server, name) for fault in FAULTS.values() for name in fault}
        for fault in faults:
            vars(server).update(well | FAULTS[fault])
            with contextlib.suppress(MinimmError):  # what came before may have been most of it
                download([f"{server.url}/a"], path, **WHAT)
            assert not path.exists() or path.read_bytes() == DATA
        vars(server).update(well)
        try:
            download([f"{server.url}/a"], path, **WHAT)
        except MinimmError as error:  # the beginning that was kept was wrong; it is gone now
            assert "is deleted" in str(error)
            download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA and list(path.parent.iterdir()) == [path]


def test_a_disk_that_fills_up_at_any_request_leaves_no_file_and_a_retry_works(server, path):
    with faulty_disk(path.parent.parent, errno.ENOSPC) as disk:
        download([f"{server.url}/a"], path, **WHAT)
    assert disk.requests == ["os.mkdir", "open", "os.rename"]
    for fails_at in (1, 2, 3):
        other = path.parent.parent / f"set {fails_at}" / "file.bin"
        with faulty_disk(path.parent.parent, errno.ENOSPC, fails_at):
            assert "No space left on device" in fails([f"{server.url}/a"], other)
        download([f"{server.url}/a"], other, **WHAT)
        assert other.read_bytes() == DATA


def test_a_silent_server_counts_as_gone_after_a_while(server, path, monkeypatch):
    monkeypatch.setattr(download_module, "TIMEOUT", 0.1)
    assert "timed out" in fails([f"{server.url}/silent"], path)
    download([f"{server.url}/silent", f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA


def test_a_wrong_checksum_deletes_the_file_and_shows_both_digests(server, path):
    server.contents["/a"] = wrong = bytes(len(DATA))
    message = fails([f"{server.url}/a"], path)
    assert hashlib.sha256(wrong).hexdigest() in message and WHAT["sha256"] in message
    assert "is deleted" in message and "try again" in message
    assert list(path.parent.iterdir()) == []


def test_a_part_of_something_else_is_found_out_deleted_and_begun_again(server, path):
    path.parent.mkdir()
    part_of(path).write_bytes(b"x" * 1000)
    assert "SHA-256" in fails([f"{server.url}/a"], path)
    assert list(path.parent.iterdir()) == []
    download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_a_wrong_size_is_noticed_before_anything_is_fetched(server, path, size):
    server.contents["/a"] = (DATA + b"x")[:size]
    assert f"has {size:,} bytes, but 300,000 are expected" in fails([f"{server.url}/a"], path)
    assert list(path.parent.iterdir()) == []


def test_a_failed_download_leaves_the_file_that_was_there(server, path):
    path.parent.mkdir()
    path.write_bytes(b"old")
    with pytest.raises(MinimmError, match="404"):
        download([f"{server.url}/404"], path, **WHAT)
    assert path.read_bytes() == b"old"
    download([f"{server.url}/a"], path, **WHAT)
    assert path.read_bytes() == DATA


def test_a_missing_page_is_named_with_the_way_around_it(server, path):
    message = fails([f"{server.url}/404"], path)
    assert f"{server.url}/404: the server answered 404 Not Found" in message
    assert "by hand into a folder set and name the folder around that one in MINIMM_DATA" in message


def test_mirrors_are_tried_in_order_until_one_gives_the_right_file(server, path):
    server.contents["/wrong"] = bytes(len(DATA))
    urls = [f"{server.url}/{name}" for name in ("404", "wrong", "a", "b")]
    download(urls, path, **WHAT)
    assert path.read_bytes() == DATA
    assert [asked for asked, _, _ in server.log] == ["/wrong", "/a"]


def test_a_mirror_goes_on_where_the_one_before_it_broke_off(server, path):
    server.drop_after = 200_000
    download([f"{server.url}/a", f"{server.url}/b"], path, **WHAT)
    assert path.read_bytes() == DATA
    assert server.log == [("/a", None, 200_000), ("/b", "bytes=200000-", 100_000)]


def test_when_no_mirror_helps_every_address_is_named_with_its_reason(server, path):
    server.contents["/short"] = b"short"
    message = fails([f"{server.url}/404", f"{server.url}/short"], path)
    assert f"{server.url}/404: the server answered 404" in message
    assert f"{server.url}/short: the file there has 5 bytes" in message


def test_a_host_that_cannot_be_reached_is_named_with_the_reason(path):
    with closing(socket.socket()) as bound:  # bound, but nobody listens
        bound.bind(("127.0.0.1", 0))
        url = f"http://localhost:{bound.getsockname()[1]}/a"
        message = fails([url], path)
    assert url in message and "refused" in message and "MINIMM_DATA" in message


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a",
        "http://localhost.example.org/a",
        "http://localhost@example.org/a",
        "ftp://example.org/a",
        "file:///etc/hostname",
        "data:,a",
        "https://",
        "https://[::1/a",
        "a/file",
        "",
    ],
)
def test_only_https_is_fetched_and_the_rest_is_refused_before_anyone_is_asked(server, path, url):
    with pytest.raises(MinimmError, match="https only"):
        download([f"{server.url}/a", url], path, **WHAT)
    assert server.log == [] and not path.exists()


@pytest.mark.parametrize("url", ["http://example.org/a", "http://localhost@example.org/a", "ftp://example.org/a"])
def test_a_redirect_is_no_way_around_https(server, path, url):
    server.redirects["/moved"] = url
    assert f"{server.url}/moved: {url} is refused: data are fetched by https only" in fails(
        [f"{server.url}/moved"], path
    )


def test_a_redirect_to_a_permitted_address_is_followed_and_keeps_the_range(server, path):
    server.redirects["/moved"] = f"{server.url}/a"
    path.parent.mkdir()
    part_of(path).write_bytes(DATA[:1000])
    download([f"{server.url}/moved"], path, **WHAT)
    assert path.read_bytes() == DATA and server.log == [("/a", "bytes=1000-", 299_000)]


def test_addresses_and_sizes_that_mean_nothing_are_refused(path):
    for urls in ([], "https://example.org/a"):
        assert "list of at least one address" in fails(urls, path)
    assert "not the size of a file" in fails(["https://example.org/a"], path, WHAT | {"num_bytes": 0})


@given(answer=st.binary(max_size=200))
@example(b"")
@example(b"HTTP/1.1 302 Found\r\nLocation: https://[\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc")
@example(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/3\r\n\r\nabc")
@example(b"HTTP/1.1 204 No Content\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n")
def test_whatever_a_server_answers_ends_in_a_minimm_error(tmp_path_factory, answer):
    path = tmp_path_factory.mktemp("set") / "file.bin"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        message = fails([f"http://127.0.0.1:{listening.getsockname()[1]}/a"], path)
        thread.join()
    assert "file.bin could not be downloaded" in message


def test_a_place_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for name in ("file/a.bin", "folder", "x" * 5000, "a\0b"):
        with pytest.raises(MinimmError) as caught:
            download([f"{server.url}/a"], tmp_path / name, **WHAT)
        assert f"{tmp_path / name} could not be written" in str(caught.value)


@pytest.fixture()
def published(server, monkeypatch) -> Source:
    """A data set of two files on the server."""
    contents = {"one.txt": b"one\n", "two.txt": b"two\n"}
    server.contents.update({f"/{name}": content for name, content in contents.items()})
    files = tuple(
        RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), (f"{server.url}/{name}",))
        for name, content in contents.items()
    )
    source = Source("numbers", files, "two numbers", "public domain", server.url)
    monkeypatch.setitem(SOURCES, "numbers", source)
    return source


def test_what_is_fetched_lies_where_it_is_then_found(published):
    with pytest.raises(MinimmError, match="minimm data get numbers"):
        find_folder("numbers")
    folder = get("numbers")
    assert folder == data_folder() / "numbers" == find_folder("numbers")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"one.txt": b"one\n", "two.txt": b"two\n"}


def test_only_missing_and_wrong_files_are_fetched(server, published, tmp_path):
    for break_it, expected in (
        (lambda folder: None, []),
        (lambda folder: (folder / "one.txt").unlink(), ["/one.txt"]),
        (lambda folder: (folder / "two.txt").write_bytes(b"too\n"), ["/two.txt"]),
        (lambda folder: (folder / "two.txt").write_bytes(b"two"), ["/two.txt"]),
    ):
        folder = get("numbers", tmp_path / "mine")
        server.log.clear()
        break_it(folder)
        assert get("numbers", tmp_path / "mine") == folder == tmp_path / "mine" / "numbers"
        assert [path for path, _, _ in server.log] == expected
        assert (folder / "one.txt").read_bytes() + (folder / "two.txt").read_bytes() == b"one\ntwo\n"
    assert not data_folder().exists()


def test_a_data_set_is_fetched_by_one_process_at_a_time(published):
    refused = []

    def fetch():
        try:
            get("numbers")
        except MinimmError as error:
            refused.append(str(error))

    with alone_in(data_folder() / "numbers"):
        other = threading.Thread(target=fetch)
        other.start()
        other.join()
    assert len(refused) == 1 and "is in use" in refused[0]
    assert not (get("numbers") / NAME).exists()


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(MinimmError, match="'shakespear' is not among .*: tinyshakespeare, multi30k"):
        get("shakespear")


def test_the_data_folder_is_named_by_the_environment_or_lies_in_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for value, expected in ((str(tmp_path / "x"), "x"), ("~/y", "y"), ("", ".cache/minimm")):
        monkeypatch.setenv("MINIMM_DATA", value)
        assert data_folder() == tmp_path / expected
    monkeypatch.delenv("MINIMM_DATA")
    assert data_folder() == tmp_path / ".cache" / "minimm"


def test_an_account_without_a_home_is_asked_to_name_a_folder(monkeypatch):
    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(sources.Path, "expanduser", homeless)
    with pytest.raises(MinimmError, match="name a folder in MINIMM_DATA"):
        data_folder()


def test_a_path_goes_before_the_data_folder_which_goes_before_what_is_bundled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_folder("sentiment") == bundled("sentiment")
    (data_folder() / "sentiment").mkdir(parents=True)
    assert find_folder("sentiment") == data_folder() / "sentiment"
    (tmp_path / "sentiment").mkdir()
    assert find_folder("sentiment") == Path("sentiment")


def test_only_plain_names_are_sought_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (data_folder() / "a" / "b").mkdir(parents=True)
    assert find_folder("a") == data_folder() / "a"
    for name in ("a/b", "a\\b", "./a"):
        with pytest.raises(MinimmError) as caught:
            find_folder(name)
        assert "no data of that name" in str(caught.value) and str(data_folder()) not in str(caught.value)


def test_what_is_found_nowhere_is_answered_with_where_it_was_sought():
    with pytest.raises(MinimmError) as caught:
        find_folder("multi30k")
    message = str(caught.value)
    assert f"nothing is at multi30k or at {data_folder() / 'multi30k'}, and no data of that name comes" in message
    assert "fetch it with `minimm data get multi30k`" in message
    with pytest.raises(MinimmError) as caught:
        find_folder("somewhere")
    assert "minimm data get" not in str(caught.value)


@given(st.text())
@example("x" * 5000)
@example("a\0b")
def test_any_name_is_found_or_refused_with_a_minimm_error(name):
    try:
        assert find_folder(name).exists()
    except MinimmError as error:
        assert "does not exist" in str(error) or "could not be looked up" in str(error)


def test_every_source_is_complete():
    for name, source in SOURCES.items():
        assert source.name == name and source.description and source.licence
        assert source.homepage.startswith("https://")
        assert len({file.name for file in source.files}) == len(source.files) > 0
        for file in source.files:
            assert file.name == Path(file.name).name and file.num_bytes > 0
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.urls and all(url.startswith("https://") for url in file.urls)
    assert {file.name for file in SOURCES["multi30k"].files} == {
        f"{part}.{language}.gz" for part in ("train", "val", "test_2016_flickr") for language in ("en", "de", "fr")
    }
