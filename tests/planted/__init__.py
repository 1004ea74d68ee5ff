"""Planted faults: pairs of models of which it is known why they differ, to judge ``explain`` by.

``cases.CASES`` has them all. Every case is made from a healthy model by one small function that
states the cause; controls are pairs in which nothing is wrong. Nothing here knows how ``explain``
works, and ``explain`` must not know this.
"""
