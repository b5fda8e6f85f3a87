"""The sentences that everyone reads: Harvard lists 1 to 4 (IEEE 1969). Nothing was learned from them."""

HARVARD = """
The birch canoe slid on the smooth planks.
Glue the sheet to the dark blue background.
It's easy to tell the depth of a well.
These days a chicken leg is a rare dish.
Rice is often served in round bowls.
The juice of lemons makes fine punch.
The box was thrown beside the parked truck.
The hogs were fed chopped corn and garbage.
Four hours of steady work faced us.
A large size in stockings is hard to sell.
The boy was there when the sun rose.
A rod is used to catch pink salmon.
The source of the huge river is the clear spring.
Kick the ball straight and follow through.
Help the woman get back to her feet.
A pot of tea helps to pass the evening.
Smoky fires lack flame and heat.
The soft cushion broke the man's fall.
The salt breeze came across from the sea.
The girl at the booth sold fifty bonds.
The small pup gnawed a hole in the sock.
The fish twisted and turned on the bent hook.
Press the pants and sew a button on the vest.
The swan dive was far short of perfect.
The beauty of the view stunned the young boy.
Two blue fish swam in the tank.
Her purse was full of useless trash.
The colt reared and threw the tall rider.
It snowed, rained, and hailed the same morning.
Read verse out loud for pleasure.
Hoist the load to your left shoulder.
Take the winding path to reach the lake.
Note closely the size of the gas tank.
Wipe the grease off his dirty face.
Mend the coat before you go out.
The wrist was badly strained and hung limp.
The stray cat gave birth to kittens.
The young girl gave no clear response.
The meal was cooked before the bell rang.
What joy there is in living.
""".strip().splitlines()

PLAIN = """
My sister left her keys on the kitchen table.
We should leave before the traffic gets worse.
The train to the coast was late again this morning.
He asked the waiter for another cup of coffee.
There is a small shop at the end of our street.
The children were playing football in the garden.
I have never seen so many stars in the sky.
She works in a hospital near the river.
Please close the window before you go to bed.
They moved to a bigger house last summer.
The old man told us a story about the war.
Do you know what time the library opens?
It was raining when we came out of the theater.
He promised to call me as soon as he arrived.
The cat slept all day on top of the warm oven.
Nobody knew why the teacher was so angry.
You can find the answer on the next page.
My father built this wooden boat by himself.
The soup needs a little more salt and pepper.
We walked along the beach until it got dark.
Her brother wants to become a doctor.
The bank is closed on Sundays and holidays.
I forgot to bring my umbrella to work.
The dog barked at the stranger by the gate.
They danced until the music stopped.
A strong wind blew the leaves across the road.
The farmer sold his apples at the market.
She opened the letter with shaking hands.
The doctor told him to drink more water.
We could hear the church bells from the village.
He bought his wife a silver ring.
The lamp on the desk does not work anymore.
Many people visit the museum every year.
The river is too deep to cross on foot.
I would like to travel around the world.
The baby started to cry in the middle of the night.
Our neighbors have a beautiful green car.
The captain ordered the crew to lower the sails.
Can you help me carry these heavy boxes?
The judge listened to both sides of the story.
A thick fog covered the hills and fields.
She wrote a long letter to her best friend.
The plane landed safely on the frozen lake.
He could not remember the name of the hotel.
The boys threw stones into the water.
They sat around the fire and sang old songs.
The bridge was washed away by the flood.
My grandmother makes the best cherry pie.
The thief escaped through the back door.
We had bread and cheese for lunch.
""".strip().splitlines()
"""Plain sentences of our own, for dictation."""

DICTATION = HARVARD[:20] + PLAIN
