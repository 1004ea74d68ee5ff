"""What engine ``aot`` refuses of matrix products."""

from tests.aot import refusals as r
from tests.aot.batch_matmul import batch_matmul

NAME = "BATCH_MATMUL"
OPERATORS: r.Operators = {
    NAME: lambda b, x: batch_matmul(b, x, b.constant(r.weights(1, 5, 2, 3), r.HALF), r.HALF)
}

test_matrix_products_are_accepted, test_others_are_refused = r.refusal_tests(
    OPERATORS,
    [
        *r.any_quantized(OPERATORS),
        (NAME, "do not fit", r.option("adjX", True)),
        (NAME, "do not fit", r.option("adjY", True)),
        (NAME, "cannot be broadcast", r.replaced(1, r.weights(1, 3, 2, 3), r.HALF)),
        (NAME, "of rank 2 to 5", r.replaced(1, r.weights(2), r.HALF)),
        (NAME, "per channel", r.tensor(1, scale=[1, 2], zeroPoint=[0, 0])),
        (NAME, "constant inputs", r.inputs(lambda i: [i[1], i[1]])),
        (NAME, "scale ratio", r.tensor(1, scale=[1e20])),
    ],
)
