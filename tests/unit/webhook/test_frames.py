"""Frames survive any cutting of the stream, in both readers."""

import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from ployd_policy.webhook import frames

some = st.lists(
    st.tuples(
        st.sampled_from([frames.ASK, frames.LEARN, frames.ANSWER, frames.WANTED]),
        st.none() | st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
        st.binary(max_size=300),
    ),
    max_size=6,
)


def told(frame: frames.Frame) -> tuple[bytes, object, bytes]:
    return frame.kind, frame.json(), frame.body


@given(some, st.data())
def test_an_inbox_gives_whole_frames_however_the_stream_is_cut(sent: list, data: st.DataObject) -> None:
    stream = b"".join(frames.encode(*each) for each in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    inbox = frames.Inbox()
    got = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += inbox.take(stream[start:end])
    assert [told(frame) for frame in got] == [(kind, head or {}, body) for kind, head, body in sent]


@given(some.filter(bool))
def test_a_frame_that_is_not_whole_is_not_given(sent: list) -> None:
    stream = b"".join(frames.encode(*each) for each in sent)
    inbox = frames.Inbox()
    assert len(inbox.take(stream[:-1])) == len(sent) - 1
    assert [told(frame)[0] for frame in inbox.take(stream[-1:])] == [sent[-1][0]]


def test_byte_by_byte_is_the_same() -> None:
    stream = frames.encode(frames.ASK, {"a": 1}, b"body") + frames.encode(frames.LEARN)
    inbox = frames.Inbox()
    got = [frame for byte in stream for frame in inbox.take(bytes((byte,)))]
    assert [told(frame) for frame in got] == [(b"Q", {"a": 1}, b"body"), (b"S", {}, b"")]


def test_a_socket_gives_frames_until_the_other_side_goes() -> None:
    ours, theirs = socket.socketpair()
    large = b"x" * (3 << 20)
    with ours:

        def send() -> None:
            with theirs:
                theirs.sendall(frames.encode(frames.ASK, None, large) + frames.encode(frames.ANSWER, {"status": 200}))
                theirs.sendall(frames.encode(frames.ASK, None, b"cut off")[:-1])

        sender = threading.Thread(target=send)
        sender.start()
        got = [frames.receive(ours) for _ in range(3)]
        sender.join()
    assert got[0] is not None
    assert (got[0].body == large, got[1], got[2]) == (True, frames.Frame(b"A", b'{"status": 200}', b""), None)
