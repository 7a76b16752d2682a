"""A reward function of one's own, for `python_callable.yml`."""


def score(prompt: str, response: str) -> float:
    """Reward answers that use the words of the question, and punish long ones a little."""
    asked = {word for word in prompt.lower().split() if len(word) > 3}
    used = sum(word in response.lower() for word in asked)
    return used / max(len(asked), 1) - 0.001 * len(response)
