"""Attention and the Transformer against PyTorch's own, in float64, and the laws that masks and positions must keep."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.attention import Looked, MultiHeadAttention, Trace, attention, causal, fused
from models.layers.flat import initialise
from models.layers.positions import alibi_bias
from models.layers.transformer import Layer, Plan, Sight, Transformer

B, T, S, X, H, V = 3, 7, 5, 16, 4, 11
F64 = torch.float64
EXACT: dict[str, float] = {"rtol": 0.0, "atol": 1e-12}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def tokens(count: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(1, V, (count, length), generator=torch.Generator().manual_seed(seed))


def transformer(shape: Any = "decoder", seed: int = 0, **plan: Any) -> Transformer:
    """A small one in float64, with weights large enough that its attention is far from even."""
    wanted: dict[str, Any] = {"vocabulary": V, "width": X, "heads": H, "layers": 2, "longest": 40, "encoder_layers": 3}
    made = Transformer(Plan(shape=shape, **(wanted | plan))).double()
    initialise(made, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for layer in (*made.attentions("encoder"), *made.attentions("self"), *made.attentions("cross")):
            for each in (layer.project, layer.project_memory):
                if each is not None:
                    each.weight.mul_(3)
    return made


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    """PyTorch's weights, in our places."""
    state = theirs.state_dict()
    memory = ours.project_memory
    own = ours.project.out_features
    with torch.no_grad():
        ours.project.weight.copy_(state["in_proj_weight"][:own])
        ours.project.bias.copy_(state["in_proj_bias"][:own])
        if memory is not None:
            memory.weight.copy_(state["in_proj_weight"][own:])
            memory.bias.copy_(state["in_proj_bias"][own:])
        ours.output.weight.copy_(state["out_proj.weight"])
        ours.output.bias.copy_(state["out_proj.bias"])


@pytest.mark.parametrize("kind", ["self", "causal", "cross"])
def test_multi_head_attention_is_that_of_pytorch(kind: str) -> None:
    theirs = nn.MultiheadAttention(X, H, batch_first=True, dtype=F64)
    nn.init.normal_(theirs.in_proj_bias)
    ours = MultiHeadAttention(X, H, cross=kind == "cross").double()
    copy_attention(ours, theirs)
    x, memory = normal(B, T, X), normal(B, S, X, seed=1) if kind == "cross" else None
    mask = causal(T, T) if kind == "causal" else None
    seen: list[Looked] = []
    out = ours(x, memory, mask, seen=seen)
    source = x if memory is None else memory
    wanted, weights = theirs(
        x, source, source, attn_mask=None if mask is None else ~mask, average_attn_weights=False, need_weights=True
    )
    torch.testing.assert_close(out, wanted, **EXACT)
    torch.testing.assert_close(seen[0].weight_BHTS, weights, **EXACT)
    torch.testing.assert_close(ours(x, memory, mask), wanted, **EXACT)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_attention_is_the_fused_kernel_and_pytorchs_function(masked: bool, biased: bool, scaled: bool) -> None:
    q, k, v = (normal(B, H, T, 6, seed=seed) for seed in range(3))
    mask = causal(T, T) if masked else None
    bias = alibi_bias(H, T, T, F64) if biased else None
    out, weight = attention(q, k, v, mask, bias, scaled)
    torch.testing.assert_close(out, fused(q, k, v, mask, bias, scaled), **EXACT)
    torch.testing.assert_close(weight.sum(-1), torch.ones(B, H, T, dtype=F64), **EXACT)
    if not biased and scaled:
        torch.testing.assert_close(out, F.scaled_dot_product_attention(q, k, v, is_causal=masked), **EXACT)


def torch_layer(cross: bool, norm: str) -> nn.Module:
    kind = nn.TransformerDecoderLayer if cross else nn.TransformerEncoderLayer
    made = kind(X, H, 4 * X, 0.0, "relu", batch_first=True, norm_first=norm == "pre", dtype=F64)
    for index, parameter in enumerate(made.parameters()):
        nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(index))
    return made


def copy_layer(ours: Layer, theirs: Any) -> None:
    copy_attention(ours.self_attention, theirs.self_attn)
    if ours.cross_attention is not None:
        copy_attention(ours.cross_attention, theirs.multihead_attn)
    assert ours.feed_forward is not None
    pairs = [(ours.feed_forward.widen, theirs.linear1), (ours.feed_forward.narrow, theirs.linear2)]
    norms = [getattr(theirs, f"norm{place}") for place in range(1, len(ours.norms) + 1)]
    for mine, other in (*pairs, *zip(ours.norms, norms, strict=True)):
        mine.load_state_dict(other.state_dict())


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("cross", [False, True])
def test_a_layer_is_that_of_pytorch(cross: bool, norm: Any) -> None:
    theirs = torch_layer(cross, norm)
    ours = Layer(Plan("encoder_decoder" if cross else "decoder", V, X, H, 1, T, norm=norm), cross).double()
    copy_layer(ours, theirs)
    x, memory, forbidden = normal(B, T, X), normal(B, S, X, seed=1), ~causal(T, T)
    wanted = theirs(x, memory, tgt_mask=forbidden) if cross else theirs(x, src_mask=forbidden)
    for seen in ((None, None), ([], [])):
        found = ours(x, Sight(causal(T, T)), memory if cross else None, Sight(None) if cross else None, seen, None)
        torch.testing.assert_close(found, wanted, **EXACT)


def test_a_whole_encoder_decoder_is_a_stack_of_pytorchs_layers() -> None:
    model = transformer("encoder_decoder", positions="none")
    encoder, decoder = [torch_layer(False, "pre") for _ in range(3)], [torch_layer(True, "pre") for _ in range(2)]
    for mine, other in (*zip(model.encoder, encoder, strict=True), *zip(model.layers, decoder, strict=True)):
        copy_layer(mine, other)
    source, target = tokens(B, S, 1), tokens(B, T, 2)
    memory = model.embedding(source)
    for layer in encoder:
        memory = layer(memory)
    x = model.embedding(target)
    for layer in decoder:
        x = layer(x, model.encoder_norm(memory), tgt_mask=~causal(T, T))
    torch.testing.assert_close(model(target, source), model.unembedding(model.final_norm(x)), **EXACT)


def test_no_weight_falls_on_the_future_whatever_the_scores() -> None:
    q = torch.full((1, 1, T, 2), 1.0, dtype=F64)
    k = torch.where(torch.arange(T)[:, None] > 2, 1e6, -1e6).to(F64).expand(1, 1, T, 2)
    for dtype in (torch.float32, F64):
        _out, weight = attention(q.to(dtype), k.to(dtype), k.to(dtype), causal(T, T), None)
        assert not weight.triu(1).any()
        assert torch.equal(weight.sum(-1), torch.ones(1, 1, T, dtype=dtype))


def test_a_query_that_may_look_nowhere_takes_nothing_home_and_spoils_no_gradient() -> None:
    q, k, v = (normal(1, 2, 3, 4, seed=seed).requires_grad_() for seed in range(3))
    mask = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
    out, weight = attention(q, k, v, mask, None)
    assert not weight[:, :, 1].any() and not out[:, :, 1].any()
    out.square().sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in (q, k, v)) and not q.grad[:, :, 1].any()


def test_the_gradient_of_attention_is_right() -> None:
    q, k, v = (normal(1, 2, 3, 2, seed=seed).requires_grad_() for seed in range(3))
    assert torch.autograd.gradcheck(lambda q, k, v: attention(q, k, v, causal(3, 3), None), (q, k, v))


def test_without_positions_an_encoder_sees_a_bag_of_tokens() -> None:
    read, order = tokens(B, T), torch.randperm(T, generator=torch.Generator().manual_seed(1))
    for positions in ("none", "sinusoidal", "learned", "rope", "alibi"):
        model = transformer("encoder", positions=positions)
        apart = (model(read[:, order]) - model(read)[:, order]).abs().max()
        assert apart < 1e-12 if positions == "none" else apart > 1e-2


@pytest.mark.parametrize("positions", ["rope", "alibi"])
def test_relative_positions_know_the_distance_alone(positions: Any) -> None:
    model, read, before = transformer(positions=positions), tokens(B, T), 6
    first, later = Trace(), Trace()
    model(read, trace=first)
    model(torch.cat((tokens(B, before, 1), read), 1), trace=later)
    # The softmax over other keys as well changes all of a row's weights by one factor.
    log = first.self[0].weight_BHTS.log(), later.self[0].weight_BHTS[..., before:, before:].log()
    alike = [(part - part[..., :1])[..., causal(T, T)] for part in log]
    torch.testing.assert_close(*alike, **EXACT)


@pytest.mark.parametrize("positions", ["none", "sinusoidal", "learned", "rope", "alibi"])
def test_what_comes_later_changes_nothing_before(positions: Any) -> None:
    model, read = transformer(positions=positions), tokens(B, T)
    changed = torch.cat((read[:, :4], tokens(B, T - 4, 9)), 1)
    assert not torch.equal(read, changed)
    assert torch.equal(model(read)[:, :4], model(changed)[:, :4])
    assert not torch.equal(model(read)[:, 4:], model(changed)[:, 4:])


@pytest.mark.parametrize("shape", ["encoder", "decoder", "encoder_decoder"])
def test_padding_changes_no_other_position(shape: Any) -> None:
    model, read, source = transformer(shape), tokens(B, T), tokens(B, S, 1) if shape == "encoder_decoder" else None
    longer = F.pad(read, (0, 3))
    found = model(longer, None if source is None else F.pad(source, (0, 4)))
    torch.testing.assert_close(found[:, :T], model(read, source), **EXACT)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("kind", ["encoder", "self", "cross"])
def test_a_silenced_head_is_one_whose_output_weights_are_zero(kind: str) -> None:
    model, read, source = transformer("encoder_decoder"), tokens(B, T), tokens(B, S, 1)
    whole = model(read, source)
    model.knock_out([(kind, 1, 2)])
    silenced = model(read, source)
    model.knock_out([])
    assert torch.equal(model(read, source), whole) and not torch.equal(silenced, whole)
    layer = model.attentions(kind)[1]
    with torch.no_grad():
        layer.output.weight[:, 2 * layer.head_width : 3 * layer.head_width] = 0
    torch.testing.assert_close(model(read, source), silenced, **EXACT)


def test_a_head_replaced_by_its_mean_takes_home_the_same_everywhere() -> None:
    model, read = transformer(), tokens(B, T)
    means = {"self": normal(2, H, X // H), "encoder": normal(0), "cross": normal(0)}
    model.knock_out([("self", 0, h) for h in range(H)], means)
    layer, seen = model.attentions("self")[0], []
    found = layer(normal(B, T, X), mask=causal(T, T), seen=seen)
    wanted = F.linear(means["self"][0].flatten(), layer.output.weight, layer.output.bias)
    torch.testing.assert_close(found, wanted.expand(B, T, X), **EXACT)
    assert torch.isfinite(model(read)).all()


@pytest.mark.parametrize("width", [8, 20])
@pytest.mark.parametrize("heads", [1, 3, 12])
def test_any_number_of_heads_fits_any_width(width: int, heads: int) -> None:
    model, trace = transformer(width=width, heads=heads, positions="rope"), Trace()
    model(tokens(B, T), trace=trace)
    assert trace.self[1].weight_BHTS.shape == (B, heads, T, T) and trace.self[1].q_BHTD.shape[-1] % 2 == 0


def test_watching_changes_nothing_and_gradients_reach_every_weight() -> None:
    model, read, source, trace = transformer("encoder_decoder"), tokens(B, T), tokens(B, S, 1), Trace()
    torch.testing.assert_close(model(read, source, trace), model(read, source), **EXACT)
    assert [len(trace.encoder), len(trace.self), len(trace.cross)] == [3, 2, 2]
    model(read, source).square().sum().backward()
    for name, parameter in model.named_parameters():
        # Only the rows that were read of a table of tokens or positions.
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_embedded_tokens_stand_in_for_the_source() -> None:
    for shape in ("decoder", "encoder_decoder"):
        model, read, source = transformer(shape), tokens(B, T), tokens(B, S, 1) if shape != "decoder" else None
        inside = model.embedding(read if source is None else source)
        torch.testing.assert_close(model(read, source, embedded=inside), model(read, source), **EXACT)
