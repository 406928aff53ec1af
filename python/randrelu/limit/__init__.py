"""Networks of infinite width: their law, and answers drawn from it."""

from randrelu.limit.network import LimitNetwork as LimitNetwork
