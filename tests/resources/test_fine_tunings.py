"""`client.fine_tunings`: what is sent, and what comes back."""

from typing import Any

import pytest

from trio_groq import GroqClient
from trio_groq.errors import BadRequestError, InvalidRequestError, NotFoundError
from trio_groq.testing import FakeGroq

PATH = "/v1/fine_tunings"
WANTED: dict[str, Any] = {
    "base_model": "llama-3.1-8b-instant",
    "input_file_id": "file_1",
    "name": "test-1",
    "type": "lora",
}


def client_of(server: FakeGroq, suffix: str = "") -> GroqClient:
    return GroqClient("gsk_test", base_url=f"{server.url}{suffix}")


def sent(server: FakeGroq) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in server.requests]


async def test_from_creation_to_deletion(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        made = await client.fine_tunings.create(**WANTED)
        assert made.meta is not None
        assert (made.data.name, made.data.type) == ("test-1", "lora")
        assert made.data.input_file_id == "file_1"
        assert made.data.created_at is not None
        assert await client.fine_tunings.get(made.id) == made
        listed = await client.fine_tunings.list()
        assert listed.data == [made.data]
        gone = await client.fine_tunings.delete(made.id)
        assert (gone.id, gone.deleted) == (made.id, True)
        assert (await client.fine_tunings.list()).data == []
        with pytest.raises(NotFoundError):
            await client.fine_tunings.get(id=made.id)
        with pytest.raises(NotFoundError):
            await client.fine_tunings.delete(id=made.id)
    one = f"{PATH}/{made.id}"
    assert sent(fake_groq)[:4] == [("POST", PATH), ("GET", one), ("GET", PATH), ("DELETE", one)]
    assert fake_groq.requests[0].json == WANTED
    assert [request.body for request in fake_groq.requests[1:]] == [b""] * 6


async def test_the_model_that_comes_of_it(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        name = (await client.fine_tunings.create(**WANTED)).data.fine_tuned_model
        assert name is not None
        assert (await client.models.retrieve(name)).id == name
        answer = await client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": "Hello"}]
        )
        assert answer.model == name
        assert (await client.models.delete(name)).deleted is True
        assert name not in [model.id for model in (await client.models.list()).data]


async def test_the_path_does_not_depend_on_how_the_base_url_ends(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq, "/openai/v1/") as client:
        await client.fine_tunings.list()
    assert sent(fake_groq) == [("GET", PATH)]


async def test_options(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        await client.fine_tunings.list(extra_headers={"x-a": "1"}, extra_query={"q": 1})
        await client.fine_tunings.create(
            **WANTED,
            extra_headers={"x-a": "2"},
            extra_query={"q": 2},
            extra_body={"epochs": 3},
            timeout=30,
            max_retries=0,
        )
    listed, made = fake_groq.requests
    assert (listed.header("x-a"), listed.query) == ("1", "q=1")
    assert (made.header("x-a"), made.query) == ("2", "q=2")
    assert made.json == {**WANTED, "epochs": 3}


@pytest.mark.parametrize("identity", ["", " ", "..", None])
async def test_ids_that_are_none(fake_groq: FakeGroq, identity: Any) -> None:
    async with client_of(fake_groq) as client:
        for method in (client.fine_tunings.get, client.fine_tunings.delete):
            with pytest.raises(InvalidRequestError, match=r"^id: expected"):
                await method(identity)
    assert fake_groq.connections_opened == 0


async def test_an_id_stays_one_segment_of_the_path(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(NotFoundError, match="`a/b`"):
            await client.fine_tunings.get("a/b")
    assert sent(fake_groq) == [("GET", f"{PATH}/a%2Fb")]


async def test_wrong_parameters(fake_groq: FakeGroq) -> None:
    create: Any
    async with client_of(fake_groq) as client:
        create = client.fine_tunings.create
        with pytest.raises(InvalidRequestError, match=r"^name: expected a string, got 5"):
            await create(name=5)
        with pytest.raises(InvalidRequestError, match=r"^model: expected a known parameter"):
            await create(model="m")
        assert fake_groq.connections_opened == 0
        with pytest.raises(BadRequestError, match="'base_model' is missing"):
            await create()


async def test_the_response_itself(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        raw = client.fine_tunings.with_raw_response
        made = await (await raw.create(**WANTED)).parse()
        assert await (await raw.get(made.id)).parse() == made
        assert (await (await raw.list()).parse()).data == [made.data]
        assert (await (await raw.delete(made.id)).parse()).deleted is True
        streaming = client.fine_tunings.with_streaming_response
        async with streaming.create(**WANTED) as response:
            made = await response.parse()
        async with streaming.get(made.id) as response:
            assert await response.parse() == made
        async with streaming.list() as listed:
            assert (await listed.parse()).data == [made.data]
        async with streaming.delete(made.id) as deleted:
            assert (await deleted.parse()).deleted is True
        assert client.pool.statistics().leased == 0
