import pytest

from trio_groq.cli._conversation import HELP, Conversation


def test_what_is_sent_is_what_was_said() -> None:
    conversation = Conversation("m", "Be brief.")
    conversation.keep("One?", "Yes.")
    assert conversation.messages("Two?") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Two?"},
    ]


def test_without_a_system_message_none_is_sent() -> None:
    assert Conversation("m").messages("?") == [{"role": "user", "content": "?"}]


def test_a_question_without_an_answer_is_forgotten() -> None:
    conversation = Conversation("m")
    conversation.keep("One?", "")
    assert conversation.turns == []


SAID = [("q", "a")]

OBEYED = {
    "reset": ("/reset", "a new conversation", Conversation("m", "s", [])),
    "model": ("/model  other/model ", "model: other/model", Conversation("other/model", "s", SAID)),
    "model, asked": ("/model", "model: m", Conversation("m", "s", SAID)),
    "system": ("/system Be kind.", "system message: Be kind.", Conversation("m", "Be kind.", SAID)),
    "system, none": ("/system", "system message: none", Conversation("m", None, SAID)),
    "help": ("/help", HELP, Conversation("m", "s", SAID)),
    "unknown": ("/sing a song", f"unknown command\n{HELP}", Conversation("m", "s", SAID)),
}


@pytest.mark.parametrize(("line", "told", "after"), OBEYED.values(), ids=OBEYED)
def test_commands(line: str, told: str, after: Conversation) -> None:
    conversation = Conversation("m", "s", [*SAID])
    assert conversation.obey(line) == told
    assert conversation == after
